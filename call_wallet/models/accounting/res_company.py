from datetime import date

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...const import DEPOSIT_ACCOUNT, JOURNAL
from ...tools.clock import utcnow

LIABILITIES = ("liability_current", "liability_non_current")

INCOME = ("income", "income_other")

INCOME_ACCOUNTS = (
    "call_wallet_live_account_id",
    "call_wallet_whatsapp_account_id",
    "call_wallet_adjustment_account_id",
    "call_wallet_breakage_account_id",
)

BAD_DEBT_ACCOUNT = "call_wallet_bad_debt_account_id"

EXPENSES = ("expense", "expense_other", "expense_direct_cost")

OVERDRAWN_ACCOUNT = "call_wallet_overdrawn_account_id"

# Not of Odoo's type Receivable: no invoice stands behind it, so it must not show among the aged receivables.
ASSETS = ("asset_current",)

STANDARDS = [
    ("ifric_22", "Not refundable: at the rates of the top-ups (IFRIC 22)"),
    ("ias_21", "Refundable: at the closing rate (IAS 21)"),
]

# The types that each account may have; the accounts and the journal are what the posting needs.
TYPES = {
    DEPOSIT_ACCOUNT: LIABILITIES,
    **dict.fromkeys(INCOME_ACCOUNTS, INCOME),
    BAD_DEBT_ACCOUNT: EXPENSES,
    OVERDRAWN_ACCOUNT: ASSETS,
}
FEE_ACCOUNTS = "call_wallet_fee_account_ids"  # of the room `topup`


class ResCompanyAccounts(models.Model):
    """Where a company books its customers' funds and their use.

    The accounts and the journal are made with the company's chart; a branch without a choice
    of its own uses its parent's.
    """

    _inherit = "res.company"

    call_wallet_deposit_account_id = fields.Many2one(
        "account.account",
        "Call wallet deposits",
        check_company=True,
        domain=[("account_type", "in", LIABILITIES)],
        help="Top-ups are invoiced to this liability; usage takes them from it.",
    )
    call_wallet_live_account_id = fields.Many2one(
        "account.account",
        "Revenue from Live Calls",
        check_company=True,
        domain=[("account_type", "in", INCOME)],
        help="What Live Calls were charged, when it is posted.",
    )
    call_wallet_whatsapp_account_id = fields.Many2one(
        "account.account",
        "Revenue from WhatsApp calls",
        check_company=True,
        domain=[("account_type", "in", INCOME)],
        help="What WhatsApp calls were charged, when it is posted.",
    )
    call_wallet_adjustment_account_id = fields.Many2one(
        "account.account",
        "Adjustments",
        check_company=True,
        domain=[("account_type", "in", INCOME)],
        help="Refunds to a wallet that correct no particular call reduce this income.",
    )
    call_wallet_breakage_account_id = fields.Many2one(
        "account.account",
        "Breakage",
        check_company=True,
        domain=[("account_type", "in", INCOME)],
        help="Funds that customers forfeit become this income.",
    )
    call_wallet_bad_debt_account_id = fields.Many2one(
        "account.account",
        "Bad debt",
        check_company=True,
        domain=[("account_type", "in", EXPENSES)],
        help="What customers owed on wallets below zero that were closed and written off.",
    )
    call_wallet_overdrawn_account_id = fields.Many2one(
        "account.account",
        "Overdrawn wallets",
        check_company=True,
        domain=[("account_type", "in", ASSETS)],
        help="What customers owe on wallets below zero stands here at the end of a month, and not less deposits.",
    )
    call_wallet_month_end_from = fields.Date(
        "Month-end entries from",
        default=lambda self: utcnow().date().replace(day=1),
        help="At the end of each month from this day on, overdrawn wallets are shown apart and what is monetary in a "
        "foreign currency is brought to the closing rate; the next day both are reversed. Empty: nothing is entered by "
        "itself.",
    )
    call_wallet_standard = fields.Selection(
        STANDARDS,
        "Deposits in a foreign currency",
        required=True,
        default="ifric_22",
        help="Not refundable: a top-up is an advance, not money owed. Income is booked at the average rate of the "
        "top-ups, and a change of rates makes no gain or loss (IFRIC 22.8-9). Refundable on demand: the deposit is "
        "money owed. Income is booked at the day's rate, and at each month's end what is left is brought to the "
        "closing rate (IAS 21.23, 28). It holds for entries that are made from now on; what is posted stands. Branches "
        "follow their main company.",
    )
    call_wallet_standard_changes = fields.Char(
        readonly=True, help="The days from which the other standard held, oldest first, as YYYY-MM-DD."
    )
    call_wallet_standard_from = fields.Date(
        "Holds from",
        readonly=True,
        help="Entries of earlier days follow the other choice. Empty: it was never changed.",
    )
    call_wallet_journal_id = fields.Many2one(
        "account.journal",
        "Call wallet journal",
        check_company=True,
        domain=[("type", "=", "general")],
        help="The entries that turn usage into revenue are posted here.",
    )
    call_wallet_posting_period = fields.Selection(
        [("day", "One entry a day"), ("month", "One entry a month")],
        "Call wallet entries",
        required=True,
        default="day",
        help="How usage is posted. A month's entry bears the date of its last day and is made when the month is over; "
        "closed wallets, and what is posted by hand, do not wait for that.",
    )
    call_wallet_former_deposit_account_ids = fields.Many2many(
        "account.account", "call_wallet_former_deposit_rel", "company_id", "account_id", "Former deposit accounts"
    )

    @api.constrains(*TYPES, JOURNAL, FEE_ACCOUNTS)
    def _check_call_wallet_accounts(self):
        for company in self.sudo():
            for name in (*TYPES, JOURNAL, FEE_ACCOUNTS):
                company._call_wallet_refuse_foreign(name)
            wrong = company[FEE_ACCOUNTS].filtered(lambda account: account.account_type not in EXPENSES)
            if wrong:
                raise ValidationError(
                    self.env._(
                        "Fee accounts: %s is no expense account. What is booked to fee accounts counts as received; "
                        "choose accounts of fees.",
                        wrong[0].display_name,
                    )
                )
            for name, types in TYPES.items():
                if company[name] and company[name].account_type not in types:
                    raise ValidationError(company._call_wallet_wrong_type(name))
            if company[JOURNAL] and company[JOURNAL].type != "general":
                raise ValidationError(self.env._("Call wallet journal: choose one of the type Miscellaneous."))

    def _call_wallet_refuse_foreign(self, name):
        """Refuse another company's account or journal; Odoo does so only where one is used, not in a setting.

        :raise ValidationError: it is neither this company's nor one's above it
        """
        chosen = self[name]
        if chosen.filtered_domain(chosen._check_company_domain(self)) != chosen:
            raise ValidationError(
                self.env._(
                    "%(field)s: %(name)s is another company's. Choose one of %(company)s.",
                    field=self._fields[name]._description_string(self.env),
                    name=", ".join(chosen.mapped("display_name")),
                    company=self.name,
                )
            )

    def _call_wallet_wrong_type(self, name):
        label, account = self._fields[name]._description_string(self.env), self[name].display_name
        if name == DEPOSIT_ACCOUNT:
            return self.env._("%(field)s: %(account)s is not a liability account.", field=label, account=account)
        if name == BAD_DEBT_ACCOUNT:
            return self.env._("%(field)s: %(account)s is not an expense account.", field=label, account=account)
        if name == OVERDRAWN_ACCOUNT:
            return self.env._("%(field)s: %(account)s is not a current asset.", field=label, account=account)
        return self.env._("%(field)s: %(account)s is not an income account.", field=label, account=account)

    def _call_wallet_refuse_emptying(self, vals):
        """Refuse to empty a setting that the posting needs, while there are wallets to post.

        A branch may empty its own: it uses its parent's then.

        :raise UserError: a company with wallets, of its own or of its branches, would be left without
        """
        emptied = [name for name in (*TYPES, JOURNAL) if name in vals and not vals[name]]
        for company in self.sudo() if emptied else ():
            wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
            if company.parent_id or not wallets.search_count([("company_id", "child_of", company.id)], limit=1):
                continue
            for name in emptied:
                if company[name]:
                    raise UserError(
                        self.env._(
                            "%(field)s: %(company)s has call wallets, which cannot be invoiced or posted without it. "
                            "Choose another one instead.",
                            field=self._fields[name]._description_string(self.env),
                            company=company.name,
                        )
                    )

    def _call_wallet_accounts(self):
        """Return the accounts that the company's settings choose."""
        accounts = self.env["account.account"]
        return accounts.union(*(self.sudo()[name] for name in TYPES))

    def _call_wallet_deposit_account(self):
        """Return the account that top-ups are invoiced to.

        :raise UserError: there is none, because no chart of accounts is loaded
        """
        return self._call_wallet_setting(DEPOSIT_ACCOUNT)

    def _call_wallet_setting(self, name):
        """Return the account or journal that the field ``name`` chooses for this company.

        A branch without a choice of its own uses that of the company above it.

        :raise UserError: there is none, because no chart of accounts is loaded
        """
        self.ensure_one()
        company = self.sudo()
        if not company._call_wallet_nearest(name):
            self.env["account.chart.template"].sudo()._call_wallet_add_accounts(company.root_id)
        chosen = company._call_wallet_nearest(name)
        if not chosen:
            raise UserError(
                self.env._(
                    "%(company)s has no %(setting)s: install a chart of accounts, or choose one under "
                    "Call Wallet > Configuration > Settings.",
                    company=self.name,
                    setting=self._call_wallet_what(name),
                )
            )
        return chosen

    def _call_wallet_exchange_account(self, difference):
        """Return Odoo's account for exchange losses (``difference`` above zero) or gains.

        :raise UserError: the company has none
        """
        name = "expense_currency_exchange_account_id" if difference > 0 else "income_currency_exchange_account_id"
        account = self.sudo()._call_wallet_nearest(name)
        if not account:
            raise UserError(
                self.env._(
                    "%s has no accounts for exchange gains and losses: choose them under Settings > Invoicing.",
                    self.name,
                )
            )
        return account

    def _call_wallet_refuse_without_rate(self, currency):
        """Refuse a currency that Odoo would take for worth the same as this company's, having no rate of it.

        :raise UserError: with what to do
        """
        if not self._call_wallet_has_rate(currency):
            raise UserError(
                self.env._(
                    "%(company)s has no exchange rate of %(currency)s: enter one under Invoicing > Configuration > "
                    "Currencies. Without it, amounts would be booked one to one in %(own)s.",
                    company=self.name,
                    currency=currency.name,
                    own=self.sudo().currency_id.name,
                )
            )

    def _call_wallet_has_rate(self, currency):
        """Tell whether Odoo knows what a currency is worth in this company's."""
        own = self.sudo().currency_id
        if currency == own:
            return True
        rates = self.env["res.currency.rate"].sudo()
        domain = [("currency_id", "=", currency.id), ("company_id", "in", (False, self.sudo().root_id.id))]
        if rates.search_count(domain, limit=1):
            return True
        # Without a rate it still counts where the others' rates are stated in it.
        return currency.sudo()._get_conversion_rate(currency, own, self, self._call_wallet_today()) != 1

    def _call_wallet_nearest(self, name):
        for company in reversed(self.parent_ids):
            if company[name]:
                return company[name]
        return self[name]

    def _call_wallet_what(self, name):
        """Name the setting ``name`` as it stands in a sentence."""
        return {
            DEPOSIT_ACCOUNT: self.env._("account for call wallet deposits"),
            "call_wallet_live_account_id": self.env._("account for revenue from Live Calls"),
            "call_wallet_whatsapp_account_id": self.env._("account for revenue from WhatsApp calls"),
            "call_wallet_adjustment_account_id": self.env._("account for call wallet adjustments"),
            "call_wallet_breakage_account_id": self.env._("account for call wallet breakage"),
            BAD_DEBT_ACCOUNT: self.env._("account for call wallet bad debt"),
            OVERDRAWN_ACCOUNT: self.env._("account for overdrawn call wallets"),
            JOURNAL: self.env._("call wallet journal"),
        }[name]

    # === FORMER DEPOSIT ACCOUNTS === #
    # The accounts on which a company's deposits are, or were.
    #
    # When another account is chosen, what stands on the former one still is the customers'
    # money until somebody moves it over; the reconciliation goes on counting it.

    def _call_wallet_keep_former_deposits(self, vals):
        """Note the deposit account that a write replaces: customers' money stands on it until it is moved.

        That of overdrawn wallets too, for the days of the past.
        """
        for name in vals.keys() & {DEPOSIT_ACCOUNT, OVERDRAWN_ACCOUNT}:
            for company in self.sudo():
                former = company[name]
                if former and former.id != vals[name]:
                    company.call_wallet_former_deposit_account_ids += former

    def _call_wallet_deposit_accounts(self):
        """Return the deposit accounts of the company and of those above it, former ones included.

        What is overdrawn is a deposit below zero: at a month's end it stands on its own account.
        """
        self.ensure_one()
        companies = self.sudo().parent_ids | self
        current = companies[DEPOSIT_ACCOUNT] | companies[OVERDRAWN_ACCOUNT]
        return current | companies.call_wallet_former_deposit_account_ids

    # === DEPOSITS IN A FOREIGN CURRENCY === #

    def _call_wallet_note_standard(self, vals):
        """Note the day from which another standard holds, in the company's time zone: what is posted stands.

        A choice that is taken back on the same day has never held.
        """
        chosen = vals.get("call_wallet_standard")
        for company in self.sudo() if chosen else ():
            if company.call_wallet_standard == chosen:
                continue
            today = company._call_wallet_today()
            changes = company.call_wallet_standard_changes or ""
            days = [day for day in changes.split() if date.fromisoformat(day) < today]
            # Each change is to the other one, so two on a day are none.
            if len(changes.split()) == len(days):
                days.append(today.isoformat())
            company.call_wallet_standard_changes = " ".join(days) or False
            company.call_wallet_standard_from = days[-1] if days else False

    def _call_wallet_is_monetary(self, day):
        """Tell whether deposits in a foreign currency are money owed (IAS 21) in an entry of ``day``.

        A branch is no legal entity of its own: the choice of the company above it counts (IAS 8.13).
        """
        company = self.sudo().root_id
        changes = (company.call_wallet_standard_changes or "").split()
        later = sum(day < date.fromisoformat(change) for change in changes)
        return (company.call_wallet_standard == "ias_21") == (later % 2 == 0)
