import logging
from datetime import timedelta
from functools import partial

from odoo import api, models
from odoo.exceptions import UserError

from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.sentence import telling
from ...tools.stripe_client import retry_after
from .call_wallet_auto_topup import OPEN
from .call_wallet_run import COOL_DOWN

_logger = logging.getLogger(__name__)

# After the first decline in a row, and after the second; the third one switches it off.
BACK_OFF = [timedelta(hours=1), timedelta(hours=6)]

# Providers remember a request's key for a day; after that the same request could charge again.
KEY_LIFETIME = timedelta(hours=23)

# Somebody has to repair something first, such as the provider's keys.
REPAIR = timedelta(minutes=30)

# What card schemes forbid to try again with the same card.
HARD_DECLINES = {
    "account_closed", "bank_account_closed", "card_not_supported", "closed_account", "do_not_try_again",
    "expired_card", "fraudulent", "incorrect_number", "invalid_account", "invalid_number", "lost_card",
    "new_account_information_available", "no_account", "payment_method_gone", "pickup_card", "restricted_card",
    "revocation_of_all_authorizations", "revocation_of_authorization", "security_violation", "stolen_card",
    "stop_payment_order", "transaction_not_allowed",
}  # fmt: skip

AUTHENTICATION = {"authentication_required", "authentication_not_handled"}


class NoAnswer(Exception):
    """It is not known whether the provider charged."""


class NotTaken(Exception):
    """The provider refused the request itself: nothing was charged, and the card is not to blame."""


class CallWalletAutoTopupCharge(models.Model):
    """From an attempt to its outcome. Each step looks at what is there and can be repeated."""

    _inherit = "call.wallet.auto.topup"

    # === STEPS === #

    @worker
    def _charge(self):
        """Ask the provider, then enter the outcome; each step is committed on its own.

        Stripe is asked in between, with nothing locked: two processes may do so at once, under the same key, for
        which it charges once. Other providers are asked by Odoo's modules, which enter the answer as well.
        """
        if not self._in_turn(self._mark_sent):
            return
        answer = None
        if self._may_ask() and self.transaction_id._call_wallet_by_library():
            answer = self.transaction_id._call_wallet_ask_charge()
        if self._in_turn(partial(self._send, answer)):
            self._in_turn(self._finish_charge)

    @worker
    def _in_turn(self, step):
        """Carry out a step with the attempt locked; return False where another process has it, or has finished it."""
        with door(self.env):
            is_ours = self._claim_charge()
            if is_ours:
                step()
        return is_ours

    def _may_ask(self):
        """Tell whether the provider is to be asked: the payment is wanted, and nothing is known of it yet."""
        payment = self.transaction_id
        return self.state in OPEN and payment.state == "draft" and payment.provider_id.state != "disabled"

    @worker
    @api.model
    def _resume_all(self):
        """Go on with attempts that a crash interrupted, or that the provider has not answered.

        :return: whether there was time for all
        """
        finished = [("transaction_id.state", "in", ("done", "error", "cancel"))]
        open_attempts = self.search([("state", "=", "charging"), ("next_at", "=", False)])
        open_attempts |= self.search([("state", "=", "charging"), ("next_at", "<=", utcnow())])
        open_attempts |= self.search([("state", "=", "pending"), *finished])
        return each(self.env, open_attempts, lambda attempt: attempt._charge(), failed=self._not_finished)

    @worker
    def _not_finished(self, attempt, error):
        _logger.error("Automatic top-up %s is not finished; the next run goes on.", attempt.id, exc_info=error)
        attempt._keep_message(error)

    def _claim_charge(self):
        """Lock the attempt, unless another process is at it or has finished it."""
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT id FROM call_wallet_auto_topup WHERE id = %s AND state IN %s FOR NO KEY UPDATE SKIP LOCKED",
            [self.id, OPEN],
        )
        is_ours = bool(self.env.cr.fetchone())
        self.env.invalidate_all()
        return is_ours

    def _mark_sent(self):
        """Note that the provider is about to be asked: from now on only it knows whether it charged."""
        if self.sent_at or self.transaction_id.state != "draft":
            return
        wallet = self.wallet_id
        if self._is_stale() and (wallet.auto_topup_state != "on" or wallet.available_balance >= self.level):
            # The process died before it asked, and meanwhile things have changed.
            self.transaction_id._set_canceled()
            self.write({"state": "cancelled", "reason": "stopped", "finished_at": utcnow(), "has_open_invoice": True})
        else:
            self.sent_at = utcnow()

    def _is_stale(self):
        if self.reason == "not_taken":
            return True
        return not self.requested_by_id and self.date < utcnow() - timedelta(minutes=2)

    def _send(self, answer=None):
        """Enter Stripe's answer, or ask another provider: always for the same payment, under the same key.

        :param answer: ``Answer`` of Stripe; None where it was not asked
        """
        if self.state not in OPEN:
            return
        transaction = self.transaction_id
        # A message about this payment waits until the answer is entered, and then sees it.
        self.env.cr.execute("SELECT id FROM payment_transaction WHERE id = %s FOR NO KEY UPDATE", [transaction.id])
        transaction.invalidate_recordset()
        if transaction.state != "draft":
            return
        try:
            transaction._ensure_provider_is_not_disabled()
        except UserError as error:
            return self._ask_later(str(error))
        if answer is None and transaction._call_wallet_by_library():
            return  # the provider was enabled just now: the next run asks
        try:
            with self.env.cr.savepoint():
                self._enter_charge(transaction, answer)
        except NoAnswer:
            self._ask_again(retry_after(answer.error) if answer else 0)
        except NotTaken as error:  # such as wrong keys
            if answer:
                transaction.provider_id._call_wallet_note_refusal(answer.error)
            self._ask_later(str(error))
        except UserError as error:  # whether it was raised before or after the charge is not known
            self.message = str(error)
            self._ask_again()

    def _enter_charge(self, transaction, answer):
        if answer is None:
            transaction._charge_with_token()
        else:
            transaction._log_sent_message()
            transaction._call_wallet_enter_charge(answer)
        if transaction.call_wallet_refused:
            raise NotTaken(str(answer.error) if answer else transaction.state_message)
        if transaction.state == "draft" or transaction.call_wallet_unanswered:
            raise NoAnswer

    def _ask_again(self, wait=0):
        """Leave the payment as it was, to be asked for again: first soon, then less often.

        :param int wait: seconds for which the provider asks not to be asked
        """
        self.write({"tries": self.tries + 1, "reason": False})
        if utcnow() < self.sent_at + KEY_LIFETIME:
            self.next_at = utcnow() + max(timedelta(minutes=min(2 ** (self.tries - 1), 30)), timedelta(seconds=wait))
            return
        self.transaction_id._set_error(self.env._("The payment provider did not answer for a day."))
        self._fail("no_answer")
        self.wallet_id._auto_topup_suspend("no_answer", self)

    def _ask_later(self, message):
        """Leave the payment as it was until what stands in its way is repaired: finance is told, once."""
        wallet = self.wallet_id
        if self.tries:  # an earlier request had no answer, and may have charged
            self.message = message
            return self._ask_again()
        if utcnow() >= self.date + KEY_LIFETIME:
            self.transaction_id._set_error(message)
            self.message = message
            self._fail("not_taken")
            wallet._auto_topup_suspend("not_taken", self)
            return
        if self.reason != "not_taken":
            told = wallet._for_finance()
            _ = telling(told.env)
            told._tell_finance(
                _("Automatic top-up: the payment provider refuses requests"),
                _("The card was not charged. It is tried again for a day. The provider says: %s", message),
                about=self,
            )
        # Without `sent_at`: before the next time it is decided again whether it is still wanted.
        self.write({"reason": "not_taken", "message": message, "next_at": utcnow() + REPAIR, "sent_at": False})

    def _finish_charge(self):
        """Enter the provider's answer: a payment that succeeded is registered and credited."""
        transaction = self.transaction_id
        if self.state not in OPEN or transaction.state == "draft":
            return
        if not transaction.is_post_processed:
            transaction._post_process()  # which calls `_follow`
        else:
            self._follow()

    def _follow(self):
        """Bring the attempt to what its payment says. Called for whatever finished the payment."""
        for attempt in self:
            if attempt.state not in OPEN:
                continue
            match attempt.transaction_id.state:
                case "done":
                    attempt._succeed()
                case "error" | "cancel":
                    attempt._decline()
                case "pending" | "authorized":
                    attempt.write({"state": "pending", "reason": False, "next_at": False})

    @worker
    def _keep_message(self, error):
        try:
            with door(self.env):
                if self._claim_charge():
                    self.message = str(error)[:300]
        except Exception:  # the provider's answer is in the log already; only the form does not show it
            _logger.info("The message of automatic top-up %s was not kept.", self.id)

    # === OUTCOMES === #

    def _succeed(self):
        moment = utcnow()
        self.write(
            {
                "state": "done",
                "finished_at": moment,
                "last_at": moment,
                "next_at": False,
                "reason": False,
                "message": False,
            }
        )
        wallet = self.wallet_id
        if wallet.auto_topup_state == "on":
            wallet.write(
                {
                    "auto_topup_declines": 0,
                    "auto_topup_wait_code": "cool_down",
                    "auto_topup_wait_until": moment + COOL_DOWN,
                }
            )
        self.env["call.wallet.alert"]._note_auto_topup_cap(wallet)

    def _decline(self):
        transaction, wallet = self.transaction_id, self.wallet_id
        code = transaction.call_wallet_decline_code
        self.write({"decline_code": code, "message": transaction.state_message})
        declines = wallet.auto_topup_declines + 1
        if transaction.call_wallet_needs_authentication or code in AUTHENTICATION:
            self._stop("authentication")
        elif code in HARD_DECLINES:
            self._stop("hard_decline")
        elif declines > len(BACK_OFF):
            self._stop("declined")
        else:
            self._back_off(declines)

    def _stop(self, reason):
        self._fail(reason)
        self.wallet_id._auto_topup_suspend(reason, self, self.message)

    def _back_off(self, declines):
        self._fail("decline")
        if self.wallet_id.auto_topup_state != "on":
            return
        self.next_at = utcnow() + BACK_OFF[declines - 1]
        self.wallet_id.write(
            {
                "auto_topup_declines": declines,
                "auto_topup_wait_code": "backing_off",
                "auto_topup_wait_until": self.next_at,
            }
        )
        self.env["call.wallet.alert"]._note_auto_topup(self.wallet_id, "auto_failed", self)

    def _fail(self, reason):
        self.write(
            {
                "state": "failed",
                "reason": reason,
                "finished_at": utcnow(),
                "last_at": utcnow(),
                "next_at": False,
                "has_open_invoice": self._is_unpaid(),
            }
        )

    # === WHAT A FAILED ATTEMPT LEAVES === #

    def _is_unpaid(self):
        """Tell whether nothing was paid on the attempt's invoice, and no payment is under way."""
        invoice = self.topup_id.invoice_id
        ours = self.search([("topup_id", "=", self.topup_id.id)]).transaction_id
        begun = utcnow() - timedelta(hours=1)
        under_way = (invoice.transaction_ids - ours).filtered(
            lambda payment: (
                payment.state in ("pending", "authorized", "done")
                or (payment.state == "draft" and payment.last_state_change > begun)
            )
        )
        return invoice.state == "posted" and invoice.payment_state == "not_paid" and not under_way

    @worker
    @api.model
    def _drop_all(self):
        """Cancel the unpaid invoices of failed attempts that no next attempt will use.

        One stays while the card is being tried again, and while a person may pay it by hand.

        :return: whether there was time for all
        """
        failed = self.search([("has_open_invoice", "=", True)]).filtered(
            lambda attempt: (
                not attempt.wallet_id.auto_topup_declines and attempt.wallet_id.auto_topup_state != "suspended"
            )
        )
        return each(self.env, failed, self._drop_one, failed=self._not_cancelled)

    @worker
    def _drop_one(self, attempt):
        with door(self.env):
            attempt.wallet_id._auto_topup_lock()
            attempt._drop_invoice()

    def _not_cancelled(self, attempt, error):
        """Log the error, such as that of a closed period; a person can still cancel the invoice."""
        _logger.error("The invoice of automatic top-up %s was not cancelled.", attempt.id, exc_info=error)

    def _drop_invoice(self, keep=None):
        """Cancel the invoices that nobody is paying."""
        for attempt in self:
            if attempt.topup_id != keep and attempt._is_unpaid():
                attempt.topup_id._cancel_unpaid()
        self.write({"has_open_invoice": False})
