from odoo import api, fields, models
from odoo.addons.phone_validation.tools.phone_validation import phone_format
from odoo.exceptions import UserError

from ...const import FINANCE_MANAGER
from ...tools.called import WITHHELD
from ...tools.fields import Amount
from ...tools.paper import isolated
from ...tools.sql import set_index, set_trigger, set_trigger_function

TYPES = [
    ("usage", "Usage"),
    ("balance_added", "Balance added"),
    ("refund", "Refund"),
    ("reversal", "Reversal"),
]

# What the database refuses, whoever asks.
GUARD = """
BEGIN
    IF TG_OP = 'UPDATE'
       AND (NEW.usage_id IS NULL OR NEW.usage_id IS NOT DISTINCT FROM OLD.usage_id)
       AND (OLD.move_id IS NULL OR NEW.move_id IS NOT DISTINCT FROM OLD.move_id)
       AND to_jsonb(NEW) - 'usage_id' - 'move_id' = to_jsonb(OLD) - 'usage_id' - 'move_id'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Wallet transactions are append-only: correct them with a new one.'
        USING ERRCODE = 'restrict_violation';
END
"""


class CallWalletTransaction(models.Model):
    """One immutable row of a wallet's ledger.

    Rows are appended by ``call.wallet.ledger`` and never changed: the ORM refuses, and so
    does a trigger in the database. Two things may still happen to a row: the call it
    charged can be deleted (``usage_id`` becomes empty, ``is_call`` remembers), and its
    journal entry is noted once when it is posted.
    Amounts are in the wallet's currency, 6 places; dates are UTC.

    Revenue of a call belongs to the day on which it took place (IFRS 15.31-35: the customer consumes the service as
    it is rendered), whenever it is reported; the wallet's balance changes when it is. So a charge has two days,
    ``day`` and ``accounting_day``. What decides is the call's start: by it the call is priced and listed. The
    minutes that a call goes on after midnight stay with it. Corrections (refunds, re-rating, what the
    platform amends or voids) change the price of calls that were made, which is revenue of the day of the change
    (IFRS 15.88): they have one day.
    """

    _name = "call.wallet.transaction"
    _description = "Call Wallet Transaction"
    _order = "date desc, sequence desc, id desc"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    sequence = fields.Integer(
        required=True, readonly=True, aggregator=None, help="1, 2, 3, ... within the wallet, no gaps."
    )
    date = fields.Datetime(required=True, readonly=True, help="When it was recorded (UTC).")
    day = fields.Date(required=True, readonly=True, help="The date in the wallet's time zone.")
    accounting_day = fields.Date(
        "Day of the Call",
        readonly=True,
        help="In the wallet's time zone, where it is an earlier day than that of the transaction: the call was "
        "reported late, and its revenue belongs to that day. Empty: the transaction's own day.",
    )
    type = fields.Selection(TYPES, required=True, readonly=True)
    amount = Amount(required=True, readonly=True, help="Negative for usage and reversals.")
    balance_after = Amount(required=True, readonly=True, aggregator=None)
    description = fields.Char(readonly=True)
    summary = fields.Char(
        "What",
        compute="_compute_summary",
        help="Whom a call went to, for which campaign and why it cost that, in the reader's language.",
    )
    key = fields.Char(
        required=True, readonly=True, help="What makes this row happen once, such as call/<call reference>."
    )
    # Whoever knows the rest of a call's content can try numbers on it.
    fingerprint = fields.Char(
        readonly=True,
        groups=FINANCE_MANAGER,
        help="Digest of what was asked; the same key with another digest is a conflict.",
    )
    is_call = fields.Boolean(readonly=True, help="About a call, even when the call itself was deleted since.")
    call_type = fields.Selection([("live", "Live Call"), ("whatsapp", "WhatsApp Call")], readonly=True)
    rate = Amount("Rate per Minute", readonly=True, aggregator=None)
    billed_minutes = Amount(readonly=True)
    usage_id = fields.Many2one("call.usage", "Call", readonly=True, ondelete="set null", index="btree_not_null")
    topup_id = fields.Many2one(
        "call.wallet.topup", "Top-up", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    move_id = fields.Many2one(
        "account.move", "Journal Entry", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _sequence_unique = models.UniqueIndex("(wallet_id, sequence)", "A wallet's transactions are numbered once.")
    _key_unique = models.UniqueIndex("(wallet_id, key)", "This was already entered in the wallet.")
    # The latest of all wallets, which the list of transactions begins with.
    _date = models.Index("(date)")
    # The few that are no calls, to be found among the many that are.
    _other = models.Index("(wallet_id, sequence) WHERE type <> 'usage'")
    _not_posted = models.Index("(COALESCE(accounting_day, day), wallet_id) WHERE move_id IS NULL AND topup_id IS NULL")
    # The few calls that were reported on a later day than theirs.
    _late = models.Index("(day, wallet_id) WHERE accounting_day IS NOT NULL")

    def init(self):
        set_index(self.env.cr, self._table, "wallet_id", "(wallet_id, date)", f"{self._table}_wallet_date")
        # Statistics of a young ledger say that a wallet has one row; by them an index on the wallet
        # alone is as good as the one on its keys, and a call would be looked up among all rows.
        self.env.cr.execute("ALTER TABLE call_wallet_transaction ALTER COLUMN wallet_id SET (n_distinct = -0.01)")
        guard = "call_wallet_transaction_guard"
        set_trigger_function(self.env.cr, guard, GUARD)
        for name, events in (("append_only", ["update", "delete"]), ("no_truncate", ["truncate"])):
            set_trigger(self.env.cr, self._table, f"{self._table}_{name}", events, guard)

    @api.depends("wallet_id", "sequence")
    def _compute_display_name(self):
        for transaction in self:
            transaction.display_name = f"{transaction.wallet_id.account_ref}/{transaction.sequence}"

    @api.depends("description", "type", "topup_id", "usage_id.number", "usage_id.campaign_id", "usage_id.masked_at")
    @api.depends_context("lang")
    def _compute_summary(self):
        for transaction in self:
            money = transaction.wallet_id._format_amount
            transaction.summary = " · ".join([transaction._headline(), *transaction._details(money)])

    @api.model_create_multi
    def create(self, vals_list):
        raise self._append_only()

    def write(self, vals):
        raise self._append_only()

    @api.ondelete(at_uninstall=False)
    def _refuse_unlink(self):
        raise self._append_only()

    def action_open_move(self):
        """Open the journal entry that the transaction is in."""
        self.check_access("read")
        self.ensure_one()
        return self.move_id.get_formview_action()

    def _append_only(self):
        return UserError(self.env._("Wallet transactions are never changed or deleted. Correct them with a new one."))

    # === IN WORDS === #
    # A transaction in the words of who pays: whom a call went to and why it cost what it did.

    def _headline(self):
        """Return what happened: the call and its number, or the invoice, or why it was corrected."""
        self.ensure_one()
        _ = self.env._
        if self.topup_id:
            # The ledger's own text is in the customer's language, whoever reads it.
            invoice = self.topup_id.sudo().invoice_id.name
            added = self.type == "balance_added"
            return _("Balance added, invoice %s", invoice) if added else _("Balance taken back, invoice %s", invoice)
        if not self._is_charge_of_a_call():
            return f"{self._label('type')}: {self.description}" if self.description else self._label("type")
        call = self.usage_id
        if not call:
            return _("%s, deleted", self._label("call_type"))
        number = self._number()
        if call.direction == "inbound":
            return _("%(call_type)s from %(number)s", call_type=self._label("call_type"), number=number)
        return _("%(call_type)s to %(number)s", call_type=self._label("call_type"), number=number)

    def _details(self, money):
        """Return what else there is to know at a glance, as a list of texts.

        :param money: a function that formats a Decimal with the wallet's currency, ``exact``: with all its decimals
        """
        self.ensure_one()
        call = self.usage_id
        if not call:
            return []
        if not self._is_charge_of_a_call():
            return [self._label("call_type"), self._number()]
        if call.status != "completed":
            outcome = call._fields["status"].convert_to_export(call.status, call)
        else:
            minutes, seconds = divmod(call.billed_seconds, 60)
            outcome = self.env._(
                "%(minutes)s min at %(rate)s",
                minutes=f"{minutes}:{seconds:02d}" if seconds else minutes,
                rate=money(self.rate, exact=True),
            )
        return [*filter(None, (call.campaign_id.name, call.manager_name)), outcome]

    def _reasons(self, moment):
        """Return when the call was, how its charge came about and by what names others know it, as a list of texts.

        :param moment: a function that formats a time in the wallet's time zone
        """
        self.ensure_one()
        call, _ = self.usage_id, self.env._
        if not call:
            return [self.description] if self.is_call else []
        reasons = [_("Call started %s", moment(call.started_at))]
        if self._is_charge_of_a_call():
            reasons.append(call.explanation)
        reasons.append(_("Call reference %s", call.call_ref))
        if call.application_ref:
            application = _("Deleted") if call.masked_at else call.application_ref
            reasons.append(_("Application ID %s", application))
        return reasons

    def _is_charge_of_a_call(self):
        # Not a correction of one, which stands under a key of its own.
        return self.is_call and self.type == "usage" and self.key.startswith("call/")

    def _label(self, name):
        return dict(self._fields[name]._description_selection(self.env))[self[name]]

    def _number(self):
        if self.usage_id.masked_at:
            return self.env._("Deleted")
        number = self.usage_id.number
        if number == WITHHELD:
            return self.env._("Withheld")
        number = phone_format(number, None, None, force_format="INTERNATIONAL", raise_exception=False) or number
        return isolated(self.env, number.replace(" ", "\N{NO-BREAK SPACE}"))
