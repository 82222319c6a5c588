import logging
from datetime import timedelta

import stripe
from odoo import api, fields, models
from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

from ...tools.asking import ask_and_enter, ask_stripe
from ...tools.door import door, worker
from ...tools.sentence import telling
from ...tools.stripe_client import cause_of, first_email, is_unanswered

_logger = logging.getLogger(__name__)

METADATA = 500  # characters that Stripe takes in one value

# A decline of our own making: Stripe does not know the saved card any more.
CARD_GONE = "payment_method_gone"

EXPAND = ["payment_method", "latest_charge.balance_transaction"]

# How long a request of our own may take until what it asked Stripe for counts as lost here.
IN_FLIGHT = timedelta(minutes=10)


class PaymentTransaction(models.Model):
    """Top-ups are charged and paid back through Stripe's library.

    Every request that moves money has a key that follows from the transaction's reference:
    what is repeated after a lost answer, or after this database rolled back, is done once.
    """

    _inherit = "payment.transaction"

    call_wallet_receipt_url = fields.Char("Receipt", readonly=True, copy=False, help="The provider's own receipt.")
    call_wallet_fee = fields.Monetary(
        "Provider's Fee", currency_field="call_wallet_fee_currency_id", readonly=True, copy=False
    )
    call_wallet_fee_currency_id = fields.Many2one("res.currency", readonly=True, copy=False)
    call_wallet_is_mismatched = fields.Boolean(
        "Another Amount Reported", readonly=True, copy=False, help="By the provider; finance was told."
    )

    def _call_wallet_by_library(self):
        return self.provider_code == "stripe" and bool(self._call_wallet_topups())

    def _call_wallet_concerns_a_wallet(self):
        """Tell whether this pays, or pays back, a top-up, or saves a card of a customer with a wallet."""
        if self.operation == "validation":
            customer = self.partner_id.commercial_partner_id
            return self.env["call.wallet.stripe.customer"]._has_wallet(customer)
        return bool(self._call_wallet_topups())

    # === CHARGES === #

    def _send_payment_request(self):
        """Charge a saved card or account in Odoo's own flow: in its transaction, while the customer waits."""
        if not self._call_wallet_by_library():
            return super()._send_payment_request()
        self._call_wallet_migrate_card()
        self._call_wallet_enter_charge(ask_stripe(self.provider_id, self._call_wallet_charge_request()))

    @worker
    def _call_wallet_ask_charge(self):
        """Ask Stripe to charge the saved card, with nothing locked; return the ``Answer``, to be entered next.

        Always the same request under the same key: asked again, Stripe charges once.
        """
        if not self.token_id.stripe_payment_method:
            with door(self.env):
                self._call_wallet_migrate_card()
        return ask_stripe(self.provider_id, self._call_wallet_charge_request())

    def _call_wallet_charge_request(self):
        key = payment_utils.generate_idempotency_key(self, scope="payment_intents")
        values = self._call_wallet_intent_values()
        return lambda api_: api_.payment_intents.create(values, {"idempotency_key": key})

    def _call_wallet_enter_charge(self, answer):
        """Enter what Stripe answered to a charge, unless a message has brought the result already."""
        self._call_wallet_enter_answer(answer, self._call_wallet_process_intent)

    def _call_wallet_migrate_card(self):
        """Have Stripe name the card of a customer who saved it before 2019."""
        if not self.token_id.stripe_payment_method:
            self.token_id._stripe_sca_migrate_customer()

    def _call_wallet_intent_values(self):
        token = self.token_id
        return {
            **self._call_wallet_amount_values(),
            "customer": token.provider_ref,
            "payment_method": token.stripe_payment_method,
            **({"mandate": token.stripe_mandate} if token.stripe_mandate else {}),
            "payment_method_types": self._call_wallet_method_types(),
            **self._call_wallet_description_values(),
            "confirm": True,
            "off_session": True,
            "expand": EXPAND,
        }

    def _call_wallet_amount_values(self):
        return {"amount": self._call_wallet_minor(self.amount), "currency": self.currency_id.name.lower()}

    def _call_wallet_minor(self, amount):
        decimals = const.CURRENCY_DECIMALS.get(self.currency_id.name)
        return payment_utils.to_minor_currency_units(amount, self.currency_id, arbitrary_decimal_number=decimals)

    def _call_wallet_method_types(self):
        method = self.payment_method_id.primary_payment_method_id or self.payment_method_id
        return [const.PAYMENT_METHODS_MAPPING.get(method.code, method.code)]

    def _call_wallet_description_values(self):
        """Return what lets Stripe's side be matched with ours, and the receipt be sent."""
        email = first_email(self.partner_email)
        return {
            "description": self.reference,
            "metadata": self._call_wallet_metadata(),
            **({"receipt_email": email} if email else {}),
        }

    def _call_wallet_metadata(self):
        topups = ",".join(map(str, self._call_wallet_topups().ids))
        if len(topups) > METADATA:  # as many of them as Stripe takes
            topups = topups[: METADATA + 1].rpartition(",")[0]
        return {
            "call_wallet_db": self.env["ir.config_parameter"].sudo().get_param("database.uuid"),
            "call_wallet_reference": self.reference,
            "call_wallet_topup": topups,
        }

    # === REFUNDS === #

    def _send_refund_request(self):
        """Pay a top-up back through Stripe in Odoo's own flow: its button asks in its own transaction."""
        if not self._call_wallet_by_library():
            return super()._send_refund_request()
        answer = ask_stripe(self.provider_id, self._call_wallet_refund_request())
        self._call_wallet_enter_answer(answer, self._call_wallet_process_refund)

    def _call_wallet_begin_refund(self, amount):
        """Make the refund of a payment, which Stripe is asked for once it is committed; nothing is sent yet."""
        self._ensure_provider_is_not_disabled()
        refund = self._create_child_transaction(amount, is_refund=True)
        refund._log_sent_message()
        return refund

    @worker
    def _call_wallet_ask_refund(self):
        """Ask Stripe for a refund with nothing locked, and enter the answer; asked again, it is sent once."""
        if not self._call_wallet_is_wanted():
            return
        request = self._call_wallet_refund_request()
        ask_and_enter(
            self.env,
            lambda: ask_stripe(self.provider_id, request),
            lambda answer, _asked_at: self._call_wallet_finish_refund(answer),
        )

    def _call_wallet_is_wanted(self):
        """Tell whether a refund has still to be sent: its credit notes wait for it, and nothing is known of it."""
        notes = self.call_wallet_credit_note_ids
        if self.state not in ("draft", "pending") or self.provider_reference:
            return False
        waiting = notes.filtered(
            lambda note: note.state == "posted" and not note.currency_id.is_zero(note.amount_residual)
        )
        return not notes or bool(waiting)

    def _call_wallet_refund_request(self):
        key = payment_utils.generate_idempotency_key(self, scope="refunds")
        values = {
            "payment_intent": self.source_transaction_id.provider_reference,
            "amount": self._call_wallet_minor(-self.amount),
            "metadata": self._call_wallet_metadata(),
        }
        return lambda api_: api_.refunds.create(values, {"idempotency_key": key})

    def _call_wallet_finish_refund(self, answer):
        self.source_transaction_id._call_wallet_lock()
        self.invalidate_recordset()
        if self.provider_reference or self.state not in ("draft", "pending"):
            return  # a message was quicker
        self._call_wallet_enter_answer(answer, self._call_wallet_process_refund)
        if self.state in ("done", "error"):
            self._post_process()

    # === CASH === #

    def _call_wallet_finish_cash_payment(self, answer):
        """Enter what Stripe answered to a payment from a customer's cash.

        :raise stripe.StripeError: it did not answer, or takes no requests; the payment waits to be asked for again
        """
        self.env.cr.execute("UPDATE payment_transaction SET state = state WHERE id = %s", [self.id])
        self.invalidate_recordset()
        if self.state == "draft":
            if answer.error and (is_unanswered(answer.error) or cause_of(answer.error)):
                raise answer.error
            self._call_wallet_enter_answer(answer, self._call_wallet_process_intent)
        if self.state in ("done", "error") and not self.is_post_processed:
            self._post_process()

    # === ANSWERS === #

    def _call_wallet_enter_answer(self, answer, process):
        """Enter what Stripe answered to a request; a refusal becomes the transaction's error.

        :param answer: ``Answer``
        :param process: function of Stripe's object as a dict
        """
        self.call_wallet_unanswered = self.call_wallet_refused = False
        error = answer.error
        if error is None:
            self.provider_id._call_wallet_forget_refusal()
            process(answer.content)
        elif isinstance(error, stripe.CardError):
            self._call_wallet_decline(error)
        elif is_unanswered(error):
            self.call_wallet_unanswered = True
            _ = self._call_wallet_in_language().env._
            self._set_pending(state_message=_("Stripe has not answered yet; it will be asked again."))
        else:
            self._call_wallet_refuse(error)

    def _call_wallet_in_language(self):
        """Return the transaction in its customer's language: what it says of itself is kept, and the customer's."""
        return self.with_context(lang=self.partner_id._call_wallet_lang(self.company_id))

    def _call_wallet_refuse(self, error):
        """Keep that Stripe refused, and tell finance why; where it is for want of the card itself, that is its end."""
        if self.operation == "offline" and self._call_wallet_lacks_card(error):
            self.call_wallet_decline_code = CARD_GONE
            self._set_error(error.user_message or str(error))
            return
        self.call_wallet_refused = True
        _logger.warning("Stripe refused a request for %s: %s", self.reference, error)
        is_refund = self.operation == "refund"  # whose failure is a task of its own, read by finance
        if not is_refund or cause_of(error):
            self.provider_id._call_wallet_note_refusal(error)
        words = error.user_message or str(error)
        self._set_error(
            words if is_refund else self._call_wallet_in_language().provider_id._call_wallet_refusal_words(error)
        )

    @staticmethod
    def _call_wallet_lacks_card(error):
        """Tell whether a saved card was detached at Stripe, or its customer deleted, which detaches it."""
        if error.code == "resource_missing":
            return error.param in ("customer", "payment_method")
        return "detached from a Customer" in str(error)

    def _call_wallet_decline(self, error):
        details = error.error
        intent = getattr(details, "payment_intent", None)
        self.call_wallet_decline_code = getattr(details, "decline_code", None) or error.code
        self.call_wallet_needs_authentication = "authentication_required" in (error.code, self.call_wallet_decline_code)
        if intent:
            self.provider_reference = intent.id
        self._set_error(error.user_message or str(error))

    def _call_wallet_process_intent(self, intent):
        """Bring the transaction to what Stripe's payment intent (a dict) says."""
        data = {"reference": self.reference, "payment_intent": intent, "payment_method": intent.get("payment_method")}
        self._process("stripe", data)

    def _call_wallet_process_refund(self, refund):
        self._process("stripe", {"reference": self.reference, "refund": refund})

    def _apply_updates(self, payment_data):
        """Keep the receipt, the fee, and the reason of a decline; leave out a message of another amount.

        Odoo refuses another amount only once: of a transaction in error it believes the next message.
        """
        if self._call_wallet_mismatches(payment_data):
            return
        super()._apply_updates(payment_data)
        intent = payment_data.get("payment_intent")
        if not intent or not self._call_wallet_by_library():
            return
        charge = intent.get("latest_charge") or next(iter((intent.get("charges") or {}).get("data", [])), None)
        if isinstance(charge, dict):
            self._call_wallet_keep_charge(charge)
        error = intent.get("last_payment_error") or {}
        if self.state == "error" and error:
            self.call_wallet_decline_code = error.get("decline_code") or error.get("code")

    def _call_wallet_keep_charge(self, charge):
        if charge.get("receipt_url"):
            self.call_wallet_receipt_url = charge["receipt_url"]
        entry = charge.get("balance_transaction")
        if isinstance(entry, dict):
            currency = self._call_wallet_currency(entry["currency"])
            if not currency:  # the payment counts all the same
                _logger.warning("The fee of %s is in a currency that Odoo does not know.", self.reference)
                return
            decimals = const.CURRENCY_DECIMALS.get(currency.name)
            fee = payment_utils.to_major_currency_units(entry["fee"], currency, arbitrary_decimal_number=decimals)
            self.write({"call_wallet_fee": fee, "call_wallet_fee_currency_id": currency.id})
            self.env["call.wallet.stripe.entry"].sudo()._keep(self.provider_id, entry, self)

    def _call_wallet_book_fees(self):
        """Enter in the books what Stripe kept of these payments, as far as it has said so."""
        self.env["call.wallet.stripe.entry"].search([("transaction_id", "in", self.ids)])._book_costs()

    @api.model
    def _call_wallet_currency(self, code):
        """Return a currency by its code at Stripe, one that is not active in Odoo as well."""
        currencies = self.env["res.currency"].with_context(active_test=False)
        return currencies.search([("name", "=", code.upper())], limit=1)

    # === CUSTOMERS === #

    def _stripe_create_customer(self):
        """Return one Stripe customer for all people of a company that has a wallet."""
        customers = self.env["call.wallet.stripe.customer"]
        if not self._call_wallet_concerns_a_wallet() or not customers._has_wallet(
            self.partner_id.commercial_partner_id
        ):
            if self._call_wallet_topups():
                self.partner_email = first_email(self.partner_email)
            return super()._stripe_create_customer()
        return {"id": customers._of(self.provider_id, self.partner_id).reference}

    # === MESSAGES OF ANOTHER AMOUNT === #
    # A provider's message about a top-up's payment with another amount or currency than was asked for.

    def _validate_amount(self, payment_data):
        """Tell finance, once, of a payment that is another one than was asked for."""
        result = super()._validate_amount(payment_data)
        if not self.call_wallet_is_mismatched and self._call_wallet_mismatches(payment_data):
            self.call_wallet_is_mismatched = True
            self._call_wallet_tell_mismatch(payment_data)
        return result

    def _call_wallet_mismatches(self, payment_data):
        if self.state != "error" or not self._call_wallet_topups():
            return False
        told = self._extract_amount_data(payment_data)
        if told is None:  # the provider leaves it out
            return False
        differs = self.currency_id.compare_amounts(abs(told["amount"] or 0), abs(self.amount)) != 0
        return differs or told["currency_code"] != self.currency_id.name

    def _call_wallet_tell_mismatch(self, payment_data):
        told = self._call_wallet_topups().wallet_id[:1]._for_finance()
        _ = telling(told.env)
        told._tell_finance(
            _("Payment %s has another amount", self.reference),
            _(
                "%(asked)s was asked for, but %(provider)s reports %(told)s. It was not entered. See at the provider "
                "what was paid, and enter it or send it back.",
                asked=self.currency_id.with_env(told.env).format(abs(self.amount)),
                provider=self.provider_id.name,
                told=self._call_wallet_told_amount(payment_data),
            ),
            about=self,
        )

    def _call_wallet_told_amount(self, payment_data):
        """Return the amount in a provider's message with its currency, for people."""
        told = self._extract_amount_data(payment_data)
        amount, code = told["amount"] or 0, told["currency_code"]
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", code)])
        if not currency:
            return f"{amount} {code or '?'}"
        if self.provider_code == "stripe":  # the message has cents, or what is smallest in its currency
            decimals = const.CURRENCY_DECIMALS.get(code)
            minor = self._call_wallet_minor(amount)
            amount = payment_utils.to_major_currency_units(minor, currency, arbitrary_decimal_number=decimals)
        return f"{currency.format(amount)} ({code})"
