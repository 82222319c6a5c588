from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_datetime

from ...tools.clock import utcnow
from ...tools.fields import Amount
from ...tools.stripe_words import in_words

OPEN = ("charging", "pending")

# What counts against the cap: charged, or about to be.
COUNTED = (*OPEN, "done")

STATES = [
    ("skipped", "Not charged"),
    ("charging", "Being charged"),
    ("pending", "Awaiting confirmation"),
    ("done", "Charged"),
    ("failed", "Failed"),
    ("cancelled", "Given up"),
]

# The first group passes by itself or with the balance; the second one switches automatic top-up off.
WAITING = [
    ("not_set_up", "Billing not set up"),
    ("paused", "Paused by hand"),
    ("payment_in_progress", "A payment is in progress"),
    ("cool_down", "Charged a short while ago"),
    ("daily_limit", "Daily limit"),
    ("backing_off", "Waiting after a decline"),
    ("cap_reached", "Monthly cap reached"),
    ("refused", "Could not be ordered"),
    ("decline", "Declined"),
    ("stopped", "No longer wanted"),
]

STOPPING = [
    ("declined", "Declined three times"),
    ("hard_decline", "Card refused for good"),
    ("authentication", "Bank asks for authentication"),
    ("card_removed", "Card removed"),
    ("card_expired", "Card expired"),
    ("taken_back", "Funds were taken back"),
    ("no_answer", "Provider did not answer"),
    ("not_taken", "Provider refused the request"),
]


class CallWalletAutoTopup(models.Model):
    """What automatic top-up did, and what it decided not to do: a wallet's log.

    A row is one attempt to charge the saved card, or one reason why nothing was charged
    although the balance was below the level. The same reason again is counted on its row.
    Amounts are in the wallet's currency; times are UTC.
    """

    _name = "call.wallet.auto.topup"
    _description = "Automatic Top-up Attempt"
    _order = "id desc"
    _rec_name = "state"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    state = fields.Selection(STATES, "Outcome", required=True, readonly=True)
    reason = fields.Selection(WAITING + STOPPING, readonly=True)
    sentence = fields.Char("Explanation", compute="_compute_sentence")
    decline_code = fields.Char(readonly=True, help="As the payment provider names it.")
    decline_text = fields.Char("Why Declined", compute="_compute_decline_text")
    message = fields.Char("Provider's Message", readonly=True)
    date = fields.Datetime(required=True, readonly=True, default=lambda self: utcnow())
    last_at = fields.Datetime("Last Time", readonly=True, default=lambda self: utcnow())
    count = fields.Integer("Times", readonly=True, default=1, aggregator=None)
    next_at = fields.Datetime("Next Attempt", readonly=True, help="Not before this time.")
    available = Amount(
        "Available Then", readonly=True, aggregator=None, help="The available balance when it was decided."
    )
    level = Amount(readonly=True, aggregator=None)
    amount = Amount("Added to the Wallet", readonly=True, help="Net of tax.")
    total_amount = Amount("Total", readonly=True, help="Tax included: what the card is charged.")
    topup_id = fields.Many2one("call.wallet.topup", readonly=True, ondelete="restrict", index="btree_not_null")
    transaction_id = fields.Many2one(
        "payment.transaction", "Payment", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    card = fields.Char(readonly=True)
    sent_at = fields.Datetime(readonly=True, help="When the provider was first asked; empty: not yet.")
    finished_at = fields.Datetime(readonly=True)
    tries = fields.Integer(readonly=True, help="How often the provider did not answer.", aggregator=None)
    has_open_invoice = fields.Boolean(readonly=True, help="Its invoice waits: for the next attempt, or a person.")
    requested_by_id = fields.Many2one("res.users", readonly=True, help="Who asked for it; empty: the balance fell.")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _one_in_flight = models.UniqueIndex(
        "(wallet_id) WHERE state IN ('charging', 'pending')", "An automatic top-up of this wallet is under way."
    )
    _wallet_latest = models.Index("(wallet_id, id DESC)")
    _open_invoice = models.Index("(wallet_id) WHERE has_open_invoice")

    # === IN WORDS === #

    @api.depends("state", "reason", "next_at", "message")
    @api.depends_context("lang")
    def _compute_sentence(self):
        for attempt in self:
            attempt.sentence = attempt._sentence()

    def _sentence(self):
        _ = self.env._
        if self.state == "done":
            return _(
                "%(amount)s was charged to %(card)s.",
                amount=self.wallet_id._format_amount(self.total_amount),
                card=self.card,
            )
        if self.state == "pending":
            return _("The bank has not confirmed the payment yet.")
        if self.state == "charging":
            if self.reason == "not_taken":
                when = format_datetime(self.env, self.next_at, tz=self.wallet_id.tz, dt_format="short")
                return _("The payment provider could not take the payment. It is asked again at %s.", when)
            if self.tries:
                return _("The payment provider did not answer; the same payment is asked for again.")
            return self.message or _("The payment is under way.")
        return self._explain(self.wallet_id, self.reason, self.next_at, self.message)

    @api.model
    def _explain(self, wallet, reason, until=None, message=None):
        """Return the sentence for a reason code; times in the wallet's time zone."""
        _ = self.env._
        when = until and format_datetime(self.env, until, tz=wallet.tz, dt_format="short") or ""
        match reason:
            case "not_set_up":
                return _("Billing is not set up: save a notification recipient first.")
            case "paused":
                return _("The wallet was paused by hand; no card is charged until it is resumed.")
            case "payment_in_progress":
                return _("A payment is in progress already.")
            case "cool_down":
                return _("A payment succeeded a short while ago. The next charge is possible at %s.", when)
            case "daily_limit":
                return _("Three charges succeeded within 24 hours. The next one is possible at %s.", when)
            case "backing_off":
                return _("The last charge was declined; the card is tried again at %s.", when)
            case "cap_reached":
                return _(
                    "Another charge would exceed the monthly cap of %(cap)s. The next one is possible on %(day)s.",
                    cap=wallet._format_amount(wallet._auto_topup_cap()),
                    day=format_date(self.env, until and wallet._local_day(until)),
                )
            case "refused":
                return _("The top-up could not be ordered: %s", message or "")
            case "decline":
                return _("The card was declined: %s", message or _("the provider gives no reason."))
            case "stopped":
                return _("Automatic top-up was switched off, or the balance came back, before the card was charged.")
        return self._explain_stop(reason, message)

    def _explain_stop(self, reason, message):
        _ = self.env._
        match reason:
            case "declined":
                return _(
                    "The card was declined three times in a row: %s", message or _("the provider gives no reason.")
                )
            case "hard_decline":
                return _("The card can no longer be used: %s", message or _("the provider gives no reason."))
            case "authentication":
                return _("The bank asks the card's owner to confirm the payment, which only a person can do.")
            case "card_removed":
                return _("The saved card was removed or can no longer be charged.")
            case "card_expired":
                return _("The saved card has expired. Choose another one.")
            case "taken_back":
                return _("A payment was taken back. Cards are charged again only when a person switches it on.")
            case "no_answer":
                return _("The payment provider did not answer for a day; finance must check whether it charged.")
            case "not_taken":
                return _("The payment provider did not take the payment for a day. The card was not charged.")
        return ""

    @api.depends("decline_code")
    @api.depends_context("lang")
    def _compute_decline_text(self):
        for record in self:
            record.decline_text = in_words(self.env, record.decline_code)

    # === LOG === #

    @api.model
    def _note_reasons(self, reasons):
        """Note reasons not to charge, each on the wallet's latest row if that has it already.

        One statement for all wallets: this runs every minute.

        :param dict reasons: {wallet id: (reason, not before (naive UTC or None), message)}
        """
        if not reasons:
            return
        self.env.flush_all()
        columns = [list(reasons), *(list(column) for column in zip(*reasons.values(), strict=True))]
        self.env.cr.execute(NOTE, [*columns, utcnow()])
        self.env.invalidate_all()

    @api.ondelete(at_uninstall=False)
    def _refuse_unlink(self):
        raise UserError(self.env._("The log of automatic top-ups is not deleted."))

    def action_open_invoice(self):
        """Open the attempt's invoice."""
        self.check_access("read")
        return self.topup_id.action_open_invoice()


NOTE = """
WITH noted AS (
    SELECT n.*, w.auto_topup_level AS level, b.balance - b.held_amount AS available, latest.id AS latest_id
      FROM unnest(%s::int[], %s::text[], %s::timestamp[], %s::text[]) AS n(wallet_id, reason, next_at, message)
      JOIN call_wallet w ON w.id = n.wallet_id
      JOIN call_wallet_balance b ON b.wallet_id = w.id
      LEFT JOIN LATERAL (
           SELECT a.id, a.state, a.reason FROM call_wallet_auto_topup a
            WHERE a.wallet_id = n.wallet_id ORDER BY a.id DESC LIMIT 1
           ) latest ON latest.state = 'skipped' AND latest.reason = n.reason
), moment AS (
    SELECT %s::timestamp AS now
), repeated AS (
    UPDATE call_wallet_auto_topup a
       SET count = a.count + 1, last_at = moment.now, next_at = n.next_at, available = n.available,
           level = n.level, message = n.message
      FROM noted n, moment
     WHERE a.id = n.latest_id
)
INSERT INTO call_wallet_auto_topup
       (wallet_id, state, reason, date, last_at, count, next_at, available, level, message, amount, total_amount)
SELECT n.wallet_id, 'skipped', n.reason, moment.now, moment.now, 1, n.next_at, n.available, n.level, n.message, 0, 0
  FROM noted n, moment
 WHERE n.latest_id IS NULL
 ORDER BY n.wallet_id
"""
