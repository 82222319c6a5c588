import logging

from odoo import Command, api, models
from odoo.exceptions import UserError

from ..clock import utcnow
from ..door import door, end_if_clean, worker
from .call_wallet import FINANCE
from .call_wallet_auto_topup import OPEN, STOPPING

_logger = logging.getLogger(__name__)

STOPS = dict(STOPPING)


class CallWalletAutoTopupRun(models.Model):
    """From the decision to the charge: what the scheduled action does every minute.

    A wallet that falls below its level waits for at most a minute. The debit itself does not
    wake this up: it stays as quick as it is, and holds lower the available balance as well.
    """

    _inherit = "call.wallet"

    @api.model
    def _cron_auto_topup(self):
        """Finish what was begun, then charge where a balance is below its level."""
        log = self.env["call.wallet.auto.topup"]
        log._resume_all()
        log._drop_all()
        moment = utcnow()
        waiting, due = {}, []
        for wallet_id, (code, until) in self._auto_topup_candidates().items():
            if until and until > moment:
                waiting[wallet_id] = (code, until, None)
            else:
                due.append(wallet_id)
        with door(self.env):
            log._note(waiting)
        for wallet in self.browse(due):
            try:
                wallet._auto_topup_run()
            except Exception:  # one that fails must not keep the others waiting
                _logger.exception("Automatic top-up of call wallet %s failed; the next run tries again.", wallet.id)

    def auto_topup_now(self, joined=False):
        """Charge the saved card now, whatever the balance, as automatic top-up would.

        Not twice: what is under way, the cool-down after a success, the daily limit and the
        monthly cap hold here as well.

        :param bool joined: also inside a transaction of the caller's, who then sees to it that it is not
            rolled back after the card was charged
        :return: ``call.wallet.auto.topup``, the attempt
        :raise UserError: automatic top-up is not on, or nothing may be charged now; says why
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._as(FINANCE, owner=True)
        wallet.ensure_one()
        if not joined and not end_if_clean(self.env):
            # What the provider charged could be rolled back here with the rest.
            raise UserError(self.env._("Cards are charged by a request of their own; save first, then top up."))
        attempt = wallet._auto_topup_run(by_hand=True)
        return attempt.with_env(self.env)

    def action_auto_topup_now(self):
        """Charge the saved card now, and say how it went."""
        attempt = self.auto_topup_now()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": {"done": "success", "failed": "danger"}.get(attempt.state, "info"),
                "message": attempt.sudo().sentence,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @worker
    def _auto_topup_run(self, by_hand=False):
        """Decide and charge, each in a transaction of its own; return the attempt, if there is one.

        What is about to be charged is committed before the provider hears of it, so that a
        crash in between is seen and made up for, by the same payment and not by another.
        """
        with door(self.env):
            attempt = self._auto_topup_begin(by_hand)
        if attempt:
            attempt._charge()
        return attempt

    def _auto_topup_begin(self, by_hand):
        self._auto_topup_lock()
        nothing = self.env["call.wallet.auto.topup"]
        if self.auto_topup_state != "on":
            if by_hand:
                raise UserError(self._auto_topup_sentence())
            return nothing
        decision = self._auto_topup_decide(by_hand)
        if decision is None:
            return nothing
        if not decision.reason:
            try:
                with self.env.cr.savepoint():
                    return self._auto_topup_start(decision, by_hand)
            except UserError as error:
                decision = decision._replace(reason="refused")
                message = str(error)
        else:
            message = None
        if by_hand:
            raise UserError(nothing._explain(self, decision.reason, decision.until, message))
        self._auto_topup_refrain(decision, message)
        return nothing

    def _auto_topup_refrain(self, decision, message):
        """Keep the reason; the next runs do not work it out again before its time."""
        if decision.reason in STOPS:
            self._auto_topup_suspend(decision.reason)
            return
        self.env["call.wallet.auto.topup"]._note({self.id: (decision.reason, decision.until, message)})
        if decision.until:
            self.write({"auto_topup_wait_code": decision.reason, "auto_topup_wait_until": decision.until})
        if decision.reason == "cap_reached":
            self.env["call.wallet.alert"]._note_auto_topup_cap(self, 100)

    def _auto_topup_suspend(self, reason, attempt=None, message=None):
        """Stop charging until a person does something about the reason, and tell them."""
        # What a person must look at is not lifted by the next payment of theirs.
        is_worse = self.auto_topup_state == "suspended" and reason == "taken_back"
        if self.auto_topup_state != "on" and not is_worse:
            return
        self.write(
            {
                **self._auto_topup_reset(),
                "auto_topup_state": "suspended",
                "auto_topup_reason": reason,
                "auto_topup_message": message,
            }
        )
        if not attempt:
            self.env["call.wallet.auto.topup"]._note({self.id: (reason, None, message)})
        self.env["call.wallet.alert"]._note_auto_topup(self, "auto_off", attempt)

    # === THE ORDER === #

    def _auto_topup_start(self, decision, by_hand):
        """Make top-up, invoice and payment; nothing is charged yet."""
        token = self.auto_topup_token_id
        topup = self._auto_topup_reuse(decision.amount) or self.create_topup(decision.amount)
        transaction = self.env["payment.transaction"].create(self._prepare_auto_topup_transaction(topup))
        return self.env["call.wallet.auto.topup"].create(
            {
                "wallet_id": self.id,
                "state": "charging",
                "available": self.available_balance,
                "level": self.auto_topup_level,
                "amount": topup.amount,
                "total_amount": transaction.amount,
                "topup_id": topup.id,
                "transaction_id": transaction.id,
                "card": token.display_name,
                "requested_by_id": self.env.uid if by_hand else False,
            }
        )

    def _prepare_auto_topup_transaction(self, topup):
        token, invoice = self.auto_topup_token_id, topup.invoice_id
        return {
            "provider_id": token.provider_id.id,
            "payment_method_id": token.payment_method_id.id,
            "token_id": token.id,
            "operation": "offline",
            "amount": invoice.amount_residual,
            "currency_id": invoice.currency_id.id,
            "partner_id": token.partner_id.id,
            "invoice_ids": [Command.set(invoice.ids)],
            "reference": self.env["payment.transaction"]._compute_reference(token.provider_code, prefix=invoice.name),
        }

    def _auto_topup_reuse(self, amount):
        """Return the unpaid top-up of the last failed attempt, if it is what is wanted now; else cancel it.

        So there is never more than one open invoice of automatic top-ups, and a link to pay
        it by hand stays good.
        """
        failed = self._auto_topups("has_open_invoice", [True])
        usable = failed.filtered(lambda attempt: attempt.amount == amount and attempt._is_unpaid())[:1]
        (failed - usable)._drop_invoice(keep=usable.topup_id)
        usable.has_open_invoice = False
        return usable.topup_id

    # === AFTER MONEY MOVED === #

    def _auto_topup_rearm(self):
        """A person paid: what stood against charging the card is over, unless it is the card itself."""
        for wallet in self:
            if wallet.auto_topup_reason in ("declined", "authentication"):
                wallet.write({"auto_topup_state": "on", **self._auto_topup_reset()})
            elif wallet.auto_topup_declines:
                wallet.write(self._auto_topup_reset())


class CallWalletTopup(models.Model):
    _inherit = "call.wallet.topup"

    def _follow_auto_topup(self, difference):
        """Let automatic top-up follow what a payment brought, or what was taken back.

        :param Decimal difference: what was entered in the wallet's ledger just now
        """
        wallet = self.wallet_id
        attempts = self.env["call.wallet.auto.topup"].search([("topup_id", "=", self.id)])
        if difference > 0:
            attempts.filtered("has_open_invoice").has_open_invoice = False
            if attempts[:1].state not in OPEN:
                wallet._auto_topup_rearm()
        if difference < 0 and wallet.available_balance < max(wallet.auto_topup_level, 0):
            wallet._auto_topup_suspend("taken_back", message=self.display_name)
