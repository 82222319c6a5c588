from datetime import timedelta

from odoo import fields, models

from ...tools.fields import Amount

ZERO_HELP = (
    "In the company's currency, and for a wallet in another one about as much at the day's rate; by the days of the "
    "wallet's time zone. Zero: no limit."
)


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_topup_day_max = Amount("Owners may order in a day", required=True, default=0, help=ZERO_HELP)
    call_wallet_topup_month_max = Amount("Owners may order in a month", required=True, default=0, help=ZERO_HELP)
    call_wallet_topup_open_max = fields.Integer(
        "Unpaid orders at once",
        required=True,
        default=5,
        help="How many unpaid orders a wallet's owners may have. Zero: no limit.",
    )
    call_wallet_topup_open_sum = Amount(
        "Unpaid orders together",
        required=True,
        default=200_000,
        help="What a wallet's owners may have ordered and not paid. In the company's currency, and for a wallet in "
        "another one about as much at the day's rate. Zero: no limit.",
    )
    call_wallet_attempts_max = fields.Integer(
        "Failed payments in 24 hours",
        required=True,
        default=20,
        help="After so many payments of a wallet's top-ups that failed or were not finished, only bank transfers are "
        "offered to its owners, against whoever tries stolen cards. Zero: no limit.",
    )
    call_wallet_accept_test_payments = fields.Boolean(
        "Accept test payments",
        help="Payments of providers in test mode bring no money. Where this is off, they are refused for top-ups, "
        "and one that was made all the same is not credited. For demonstrations and trials only.",
    )
    call_wallet_mail_invoices = fields.Boolean(
        "Mail the invoice of a top-up",
        help="The invoice is mailed with its PDF when the top-up is ordered, to the wallet's billing e-mail or else to "
        "the customer, in the customer's language. Odoo does it in the background. A customer whose invoices are not "
        "sent by e-mail gets none.",
    )

    call_wallet_fee_account_ids = fields.Many2many(
        "account.account",
        "call_wallet_fee_account_rel",
        "company_id",
        "account_id",
        "Fee accounts",
        check_company=True,
        help="What a payment or a bank statement's line books here is the seller's cost: the wallet is credited with "
        "the whole of what was settled. Empty: the chart's own accounts for bank fees.",
    )

    _call_wallet_topup_limits = models.Constraint(
        "CHECK(call_wallet_topup_day_max BETWEEN 0 AND 9000000000"
        " AND call_wallet_topup_month_max BETWEEN 0 AND 9000000000"
        " AND call_wallet_topup_open_sum BETWEEN 0 AND 9000000000"
        " AND call_wallet_topup_open_max >= 0 AND call_wallet_attempts_max >= 0)",
        "What owners may order: use zero, for no limit, or up to 9 billion.",
    )

    def _call_wallet_open_day(self, day, journal, has_tax=False):
        """Return ``day``, or the first day after it that is not locked for an entry in ``journal``."""
        while violated := self._get_violated_lock_dates(day, has_tax, journal):
            day = violated[-1][0] + timedelta(days=1)
        return day

    def _call_wallet_fee_accounts(self):
        """Return the accounts of fees that are the seller's cost; a branch without a choice has its parent's."""
        self.ensure_one()
        company = self.sudo()
        chosen = [one.call_wallet_fee_account_ids for one in reversed(company.parent_ids | company)]
        return next(filter(None, chosen), None) or company._call_wallet_chart_fee_accounts()

    def _call_wallet_chart_fee_accounts(self):
        """Return the account that the chart's reconciliation model *Bank Fees* books to.

        Charts without an account for bank fees have Odoo's choice there, the first expense account: that is none.
        """
        root = self.sudo().parent_ids[:1] or self
        template = self.env["account.chart.template"].sudo().with_company(root)
        model = template.ref("bank_fees_reco", raise_if_not_found=False)
        fees = model.line_ids.account_id if model else self.env["account.account"]
        accounts = self.env["account.account"].sudo().with_company(root).with_context(lang="en_US")
        domain = [*accounts._check_company_domain(root), ("account_type", "=", "expense")]
        is_guess = (
            fees == accounts.search(domain, limit=1)
            and "fee" not in (fees.with_context(lang="en_US").name or "").lower()
        )
        return fees.browse() if is_guess else fees
