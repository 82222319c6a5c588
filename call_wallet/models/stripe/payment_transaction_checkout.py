import logging
from urllib.parse import urlencode

import stripe
from odoo import api, fields, models
from odoo.addons.payment import utils as payment_utils
from odoo.tools.urls import urljoin

from ...tools.background import after_commit
from ...tools.door import worker
from ...tools.stripe_client import client, is_unanswered
from .payment_transaction import EXPAND

_logger = logging.getLogger(__name__)

RETURN_ROUTE = "/call_wallet/stripe/return"

UNDER_WAY = "call_wallet_is_under_way"

# How a page stands that the account does not know; Stripe has no such status.
GONE = "gone"


class PaymentTransactionCheckout(models.Model):
    """Payment on Stripe's own page: a Checkout Session, one open at a time for an invoice."""

    _inherit = "payment.transaction"

    call_wallet_checkout_session = fields.Char("Checkout Session", readonly=True, copy=False, index="btree_not_null")
    call_wallet_checkout_open = fields.Boolean(readonly=True, copy=False)

    def _get_specific_processing_values(self, processing_values):
        """Open Stripe's page, if that is where this is paid; ``checkout_url`` leads there."""
        by_page = self.operation == "online_redirect" or (
            self.operation == "validation" and self.provider_id._call_wallet_has_page()
        )
        if self.provider_code != "stripe" or not by_page or not self._call_wallet_concerns_a_wallet():
            return super()._get_specific_processing_values(processing_values)
        return self._call_wallet_open_checkout()

    def _call_wallet_open_checkout(self):
        self._call_wallet_close_others()
        siblings = self._call_wallet_siblings()
        siblings.invalidate_recordset([UNDER_WAY])
        if self.invoice_ids and (self._call_wallet_is_paid() or any(siblings.mapped(UNDER_WAY))):
            _ = self._call_wallet_in_language().env._
            self._set_error(_("This invoice has been paid already; reload the page."))
            return {}
        try:
            address = self._call_wallet_fetch_checkout()
            if address or self.state != "draft":
                return {"checkout_url": address} if address else {}
            customer = self.env["call.wallet.stripe.customer"]._of(self.provider_id, self.partner_id)
            session = customer._ask(
                lambda api, name: api.checkout.sessions.create(self._call_wallet_session_values(name))
            )
        except stripe.StripeError as error:
            if is_unanswered(error):
                self._set_error(self._call_wallet_in_language().provider_id._call_wallet_refusal_words(error))
            else:
                self._call_wallet_refuse(error)
            return {}
        self.provider_id._call_wallet_forget_refusal()
        self.write({"call_wallet_checkout_session": session.id, "call_wallet_checkout_open": True})
        return {"checkout_url": session.url}

    def _call_wallet_is_paid(self):
        return not any(self.invoice_ids.filtered(lambda move: move.state == "posted").mapped("amount_residual"))

    def _call_wallet_session_values(self, customer):
        address = urljoin(self.provider_id.get_base_url(), RETURN_ROUTE)
        arguments = {"tx": self.id, "token": self._call_wallet_return_token()}
        values = {
            "customer": customer,
            "client_reference_id": self.reference,
            "success_url": f"{address}?{urlencode(arguments)}",
            "cancel_url": f"{address}?{urlencode({**arguments, 'leave': 1})}",
            "payment_method_types": self._call_wallet_method_types(),
            "metadata": self._call_wallet_metadata(),
        }
        described = self._call_wallet_description_values()
        if self.operation == "validation":
            described.pop("receipt_email", None)
            return {**values, "mode": "setup", "setup_intent_data": described}
        amount = self._call_wallet_amount_values()
        price = {
            "currency": amount["currency"],
            "unit_amount": amount["amount"],
            "product_data": {"name": self._call_wallet_product_name()},
        }
        if self.tokenize:
            described["setup_future_usage"] = "off_session"
        return {
            **values,
            "mode": "payment",
            "line_items": [{"quantity": 1, "price_data": price}],
            "payment_intent_data": described,
        }

    def _call_wallet_product_name(self):
        """Return what Stripe's page says is paid: the one top-up by name, several invoices by their reference."""
        topup = self._call_wallet_topups()
        if len(topup) != 1 or len(self.invoice_ids) != 1:
            return self.reference
        return self.with_context(lang=self.partner_lang).env._(
            "Call wallet %(account)s: invoice %(invoice)s",
            account=topup.wallet_id.account_ref,
            invoice=topup.invoice_id.name,
        )

    def _call_wallet_return_token(self):
        return payment_utils.generate_access_token(self.id, self.reference, env=self.env)

    # === HOW A SESSION ENDS === #

    def _call_wallet_siblings(self):
        return self.invoice_ids.transaction_ids - self

    def _call_wallet_close_others(self):
        """End the other open pages for the same invoices: an invoice is paid once.

        A page on which was paid meanwhile is not ended but processed.
        """
        for other in self._call_wallet_siblings().filtered("call_wallet_checkout_open"):
            try:
                other._call_wallet_fetch_checkout(leave=True)
            except stripe.StripeError:  # it ends by itself after a day
                _logger.warning("Stripe's page of transaction %s was not closed.", other.reference, exc_info=True)

    def _call_wallet_fetch_checkout(self, leave=False):
        """Ask Stripe how a session stands and bring the transaction there.

        :param bool leave: the customer does not want to pay there: end an open session
        :return: the page's address while one can pay there, else None
        :raise stripe.StripeError: Stripe refused, or did not answer
        """
        session = self._call_wallet_ask_checkout(leave)
        self._call_wallet_enter_checkout(session)
        return session["url"] if session and session["status"] == "open" else None

    def _call_wallet_ask_checkout(self, leave=False):
        """Return how the session stands at Stripe (a dict), or None where it is not open here; nothing is written."""
        if not self.call_wallet_checkout_open:
            return None
        sessions = client(self.provider_id.sudo()).checkout.sessions
        expand = [*(f"payment_intent.{name}" for name in EXPAND), "setup_intent.payment_method"]
        try:
            session = sessions.retrieve(self.call_wallet_checkout_session, {"expand": expand}).to_dict()
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            # Another account's key was entered since, or that of the other mode: nobody is led to that page again.
            return {"status": GONE}
        if session["status"] == "open" and leave:
            session = sessions.expire(self.call_wallet_checkout_session).to_dict()
        return session

    def _call_wallet_enter_checkout(self, session):
        """Bring the transaction to how its session stands; another process may have done so in the meantime."""
        if not session or session["status"] == "open" or not self.call_wallet_checkout_open:
            return
        self.call_wallet_checkout_open = False
        if session["status"] == GONE:
            return  # another page may be opened for it
        if session["status"] == "expired":
            _ = self._call_wallet_in_language().env._
            self._set_canceled(state_message=_("Stripe's payment page was left without paying."))
        elif session.get("setup_intent"):
            setup = session["setup_intent"]
            data = {"reference": self.reference, "setup_intent": setup, "payment_method": setup["payment_method"]}
            self._process("stripe", data)
        else:
            self._call_wallet_process_intent(session["payment_intent"])

    # === PAGES OF WHAT IS PAID === #

    def _call_wallet_close_pages_of_paid(self):
        """End Stripe's other open pages for what these transactions have paid, once that is committed.

        Stripe is asked, which nobody should wait for who needs the wallet.
        """
        paid = self.filtered(lambda one: one.state == "done" and one._call_wallet_by_library())
        others = paid._call_wallet_siblings().filtered("call_wallet_checkout_open")
        after_commit(self.env, self._name, "_call_wallet_close_pages", others.ids)

    @worker
    @api.model
    def _call_wallet_close_pages(self, transaction_ids):
        for transaction in self.browse(transaction_ids):
            transaction._call_wallet_close_page()

    @worker
    def _call_wallet_close_page(self):
        """End a page for something that is paid; what was paid there meanwhile is entered instead."""
        try:
            self._call_wallet_bring_page(leave=True)
        except Exception:  # whatever it is, what was paid stands; the sweep asks again
            _logger.warning("Stripe's page of transaction %s was not closed.", self.reference, exc_info=True)

    # === CARDS === #

    def _extract_token_values(self, payment_data):
        """Read a saved card from what today's API says, too: Odoo's own module knows that of 2019."""
        intent = payment_data.get("payment_intent")
        if not intent or self.operation == "validation" or not self._call_wallet_by_library():
            return super()._extract_token_values(payment_data)
        method = payment_data.get("payment_method")
        if not isinstance(method, dict):
            return {}
        charge = intent.get("latest_charge") or next(iter((intent.get("charges") or {}).get("data", [])), None)
        details = charge.get("payment_method_details") or {} if isinstance(charge, dict) else {}
        return {
            "payment_details": (method.get(method["type"]) or {}).get("last4"),
            "provider_ref": intent["customer"],
            "stripe_payment_method": method["id"],
            "call_wallet_expires_on": self.env["payment.token"]._call_wallet_last_day(method.get("card") or {}),
            "stripe_mandate": (details.get(details.get("type")) or {}).get("mandate"),
        }
