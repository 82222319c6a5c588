import re
from fractions import Fraction

from odoo import Command, api, fields, models
from odoo.exceptions import ValidationError

from ...const import FINANCE_MANAGER
from ...rating import round6
from ...tools.called import emergency_numbers, to_short
from ...tools.clock import day_in
from ...tools.fields import Amount, changes, parse_amount
from ...tools.money import about
from ...tools.rights import as_superuser

CONVERTED_HELP = (
    "In the company's currency. For a wallet in another one: about as much at the day's rate, in two digits."
)


# What a minute of WhatsApp costs at first, where a unit of the company's currency is worth some ten cents to some
# dollars. In any other currency nobody has meant this price: there is none until somebody sets it.
FIRST_PRICE = parse_amount("0.02")
NEAR_DOLLAR = frozenset(
    "USD EUR GBP CHF CAD AUD NZD SGD BND BSD BMD BBD PAB KYD AZN BGN BAM AWG XCG ANG FKP GIP SHP XCD BZD FJD GEL "
    "PLN RON DKK SEK NOK CNY HKD MOP AED SAR QAR ILS MYR BRL PEN".split()
)


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_whatsapp_rate = Amount(
        "WhatsApp price per minute",
        compute="_compute_call_wallet_whatsapp_rate",
        store=True,
        readonly=False,
        precompute=True,
        may_be_empty=True,
        help="Applies to WhatsApp calls anywhere, unless the wallet's rate plan prices them. In the company's "
        "currency. Empty: they are refused unless the plan prices them. Wallets in another currency have the price "
        "that stands for it under WhatsApp Prices: converted once, when the first of them is made, and again when this "
        "price is changed; not with each day's rate.",
    )
    call_wallet_hold_seconds = fields.Integer(
        "Funds reserved per call (seconds)",
        required=True,
        default=600,
        help="How much talking time is reserved when a call starts and the platform does not say.",
    )
    call_wallet_emergency_numbers = fields.Char(
        "Emergency numbers",
        help="May always be called, free of charge, whatever the wallet's state. Apart by commas; 2 to 6 digits each. "
        "Empty: 112, 911, 999 and those of the company's country.",
    )
    call_wallet_call_days = fields.Integer(
        "Calls may be reported for (days)",
        required=True,
        default=1096,
        help="A call that began longer ago is kept as rejected: its time is probably wrong.",
    )
    call_wallet_threshold = Amount(
        "Low-balance threshold of new wallets",
        required=True,
        default=10,
        help="In the company's currency. A new wallet in another one begins with about as much, at the day's rate.",
    )
    call_wallet_topup_min = Amount("Smallest top-up", required=True, default=1, help=CONVERTED_HELP)
    call_wallet_topup_max = Amount("Largest top-up", required=True, default=100_000, help=CONVERTED_HELP)
    call_wallet_refund_limit = Amount(
        "Refunds above this amount need a second person",
        required=True,
        default=1000,
        help="In the company's currency, converted for wallets in another one. Zero: one person may refund any amount.",
    )
    call_wallet_refund_day_limit = Amount(
        "What one person may refund in a day",
        required=True,
        default=2000,
        help="In the company's currency. More needs a second person, as a single refund above its limit does. "
        "Zero: no limit for the day.",
    )
    call_wallet_breakage_months = fields.Integer(
        "Idle funds expire after (months)",
        required=True,
        default=0,
        help="Months without a call or a top-up. Zero: funds never expire.",
    )
    call_wallet_breakage_notice_days = fields.Integer(
        "Notice before idle funds expire (days)",
        required=True,
        default=30,
        help="How long before, recipients and owners are told by mail.",
    )

    call_wallet_tz = fields.Selection(
        related="partner_id.tz", readonly=False, string="Time zone of the books", help="Empty: UTC, or the parent's."
    )

    _call_wallet_breakage_range = models.Constraint(
        "CHECK(call_wallet_breakage_months BETWEEN 0 AND 120 AND call_wallet_breakage_notice_days > 0"
        " AND (call_wallet_breakage_months = 0"
        "      OR call_wallet_breakage_notice_days <= call_wallet_breakage_months * 28))",
        "Idle funds: use 0 to 120 months, and give notice at least a day and at most that time before.",
    )
    _call_wallet_refund_limit_not_negative = models.Constraint(
        "CHECK(call_wallet_refund_limit BETWEEN 0 AND 9000000000"
        " AND call_wallet_refund_day_limit BETWEEN 0 AND 9000000000)",
        "Refunds that need a second person: use 0 to 9 billion.",
    )
    _call_wallet_threshold_range = models.Constraint(
        "CHECK(call_wallet_threshold BETWEEN 0 AND 9000000000)",
        "Low-balance threshold of new wallets: use 0 to 9 billion.",
    )
    _call_wallet_topup_range = models.Constraint(
        "CHECK(call_wallet_topup_min > 0 AND call_wallet_topup_max BETWEEN call_wallet_topup_min AND 9000000000)",
        "Top-ups: the smallest must be more than zero and not above the largest, which is 9 billion at most.",
    )
    _call_wallet_hold_seconds_positive = models.Constraint(
        "CHECK(call_wallet_hold_seconds BETWEEN 1 AND 86400)",
        "Funds reserved per call: use 1 to 86400 seconds.",
    )
    _call_wallet_call_days_range = models.Constraint(
        "CHECK(call_wallet_call_days BETWEEN 1 AND 3660)",
        "Calls may be reported for: use 1 to 3660 days.",
    )
    _call_wallet_whatsapp_rate_not_negative = models.Constraint(
        "CHECK(call_wallet_whatsapp_rate >= 0 AND call_wallet_whatsapp_rate < 100000)",
        "WhatsApp price per minute: use 0 to less than 100,000.",
    )

    @api.constrains("call_wallet_emergency_numbers")
    def _check_call_wallet_emergency_numbers(self):
        for company in self:
            for number in re.split(r"[\s,;]+", (company.call_wallet_emergency_numbers or "").strip()):
                if number and not (to_short(number) and number.isdigit()):
                    raise ValidationError(
                        self.env._(
                            "Emergency numbers: %s is none; use 2 to 6 digits each, apart by commas, such as 112, 911.",
                            number[:60],
                        )
                    )

    @api.depends("currency_id")
    def _compute_call_wallet_whatsapp_rate(self):
        """Begin with the first price where the currency suits it, and with none elsewhere; keep what was set."""
        for company in self:
            price = company.call_wallet_whatsapp_rate
            if price in (None, FIRST_PRICE):
                price = FIRST_PRICE if company.currency_id.name in NEAR_DOLLAR else None
            company.call_wallet_whatsapp_rate = price

    def _call_wallet_emergency_numbers(self):
        """Return the set of numbers that may always be called."""
        self.ensure_one()
        company = self.sudo()
        return emergency_numbers(company.call_wallet_emergency_numbers or None, company.country_id.code or None)

    def _call_wallet_tz(self):
        """Return the name of the time zone in which the company keeps its books; UTC where none is set.

        A company has none in Odoo: its contact has, or that of the company of which it is a branch.
        """
        self.ensure_one()
        company = self.sudo()
        return company.partner_id.tz or company.root_id.partner_id.tz or "UTC"

    def _call_wallet_today(self):
        """Return the day that documents get now: invoices, credit notes, payments, deadlines."""
        return day_in(self._call_wallet_tz())

    # === OTHER CURRENCIES === #
    # Amounts in the settings are in the company's currency.

    def _call_wallet_convert(self, amount, currency, own=None):
        """Return an amount of the company's in another currency at today's rate.

        :param Decimal amount: zero or more
        :param own: the currency that the amount is in; the company's by default
        :return: ``Decimal``, rounded half up to 6 places; the amount itself where both currencies are the same
        :raise UserError: Odoo has no rate of a currency; says where to enter it
        """
        own = own or self.sudo().currency_id
        if currency == own or not amount:
            return amount
        for one in (own, currency):
            self._call_wallet_refuse_without_rate(one)
        rates = (own | currency).sudo()._get_rates(self.sudo(), self._call_wallet_today())
        theirs, ours = (Fraction(repr(float(rates[one.id]))) for one in (currency, own))
        return round6(*(Fraction(amount) * theirs / ours).as_integer_ratio())

    def _call_wallet_amount(self, name, currency, without_rate=None):
        """Return what the setting ``name``, an amount, is for wallets in a currency.

        As it was typed in the company's own currency; in others about as much at today's rate, in two digits.

        :param without_rate: what to return where Odoo has no rate of the currency
        :raise UserError: so it is, and ``without_rate`` was not given
        """
        amount = self.sudo()[name]
        if currency == self.sudo().currency_id:
            return amount
        if without_rate is not None and not self._call_wallet_has_rate(currency):
            return without_rate
        return about(self._call_wallet_convert(amount, currency), currency)

    # === SETTINGS === #

    def write(self, vals):
        """Change a company, and let what follows from its call wallet settings follow.

        Finance managers, who may not write companies, change the addon's own settings of theirs.
        """
        companies = self._call_wallet_for_settings(vals)
        companies._call_wallet_refuse_emptying(vals)
        companies._call_wallet_keep_former_deposits(vals)
        companies._call_wallet_note_standard(vals)
        repriced = companies._call_wallet_to_reprice(vals)
        result = super(ResCompany, companies).write(vals)
        companies._call_wallet_wake_auto_topups(vals)
        repriced.env["call.wallet.price"]._convert_anew(repriced)
        return result

    def _call_wallet_to_reprice(self, vals):
        """Return the companies whose price of WhatsApp calls, or its currency, a write changes."""
        price, currency = vals.get("call_wallet_whatsapp_rate"), vals.get("currency_id")
        if price is None and currency is None:
            return self.browse()
        return self.sudo().filtered(
            lambda company: (
                (price is not None and changes(company, vals, ["call_wallet_whatsapp_rate"]))
                or (currency is not None and company.currency_id.id != currency)
            )
        )

    def _call_wallet_for_settings(self, vals):
        """Return the companies as superuser where a finance manager changes what the form has, and nothing else."""
        user, settings = self.env.user, self.env["call.wallet.settings"]
        # As superuser, other commands of a list would reach whatever it leads to.
        chosen = {name for name in vals.keys() & settings._company_choices() if _only_chooses(vals[name])}
        is_ours = bool(vals) and vals.keys() <= settings._company_settings() | chosen
        if is_ours and not self.env.su and user.has_group(FINANCE_MANAGER) and self <= user.company_ids:
            return as_superuser(self)
        return self


def _only_chooses(commands):
    """Tell whether the commands of a list choose records by their ids, and neither make, change nor delete one."""
    return isinstance(commands, (list, tuple)) and all(map(_chooses, commands))


def _chooses(command):
    if not isinstance(command, (list, tuple)) or not command:
        return False
    kind, *rest = command
    if kind == Command.CLEAR:
        return True
    if kind in (Command.LINK, Command.UNLINK):
        return bool(rest) and type(rest[0]) is int
    is_set = kind == Command.SET and len(rest) == 2 and isinstance(rest[1], (list, tuple))
    return is_set and all(type(record_id) is int for record_id in rest[1])
