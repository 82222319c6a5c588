"""Checkout Sessions, and the page on which a person pays with a test card."""

import html
import time
from pathlib import Path

from .errors import StripeFault, invalid
from .payments import check_email, check_metadata, known
from .refusals import check_amount

PARAMETERS = {
    "mode",
    "customer",
    "client_reference_id",
    "success_url",
    "cancel_url",
    "line_items",
    "metadata",
    "currency",
    "payment_intent_data",
    "setup_intent_data",
    "payment_method_types",
    "expires_at",
    "locale",
    "submit_type",
    "saved_payment_method_options",
    "payment_method_options",
}


class Checkout:
    def __init__(self, store, payments, base):
        self.store = store
        self.payments = payments
        self.base = base

    def create(self, values):
        known(values, PARAMETERS)
        mode = values.get("mode")
        check_email(values.get("payment_intent_data") or {}, "receipt_email")
        check_metadata(values)
        customer = self.store.get("customer", values["customer"], "customer")["id"]
        total, currency, names = 0, values.get("currency"), []
        for item in values.get("line_items") or []:
            price = item["price_data"]
            total += int(price["unit_amount"]) * int(item.get("quantity") or 1)
            currency = price["currency"]
            names.append(price["product_data"]["name"])
        if mode == "payment" and not total:
            raise invalid("You must provide line items.", param="line_items")
        if mode == "payment":
            check_amount(total, currency)
        session = self.store.new(
            "checkout.session",
            "cs_test",
            mode=mode,
            status="open",
            payment_status="unpaid",
            customer=customer,
            client_reference_id=values.get("client_reference_id"),
            success_url=values["success_url"],
            cancel_url=values.get("cancel_url"),
            amount_total=total,
            currency=currency,
            names=names,
            payment_intent=None,
            setup_intent=None,
            metadata=values.get("metadata") or {},
            expires_at=int(time.time()) + 86400,
            payment_method_types=values.get("payment_method_types") or ["card"],
            data=values.get("payment_intent_data") or values.get("setup_intent_data") or {},
        )
        session["url"] = f"{self.base()}/c/pay/{session['id']}"
        return session

    def expire(self, name, _values):
        session = self.store.get("checkout.session", name)
        if session["status"] != "open":
            raise invalid("Only Checkout Sessions with a status of `open` can be expired.")
        session.update(status="expired", url=None)
        self.store.event("checkout.session.expired", session)
        return session

    # === THE PAGE === #

    def page(self, name, problem=""):
        session = self.store.get("checkout.session", name)
        if session["status"] != "open":
            return "<h1>This payment page is no longer open.</h1>"
        is_bank = "us_bank_account" in session["payment_method_types"]
        amount = f"{(session['currency'] or '').upper()} {session['amount_total'] / 100:,.2f}"
        description = ", ".join(session["names"]) or session["data"].get("description") or ""
        return PAGE.format(
            title=f"Pay {amount}" if session["mode"] == "payment" else "Save a card",
            description=html.escape(description),
            problem=f'<p class="problem" role="alert">{html.escape(problem)}</p>' if problem else "",
            method=ACCOUNT if is_bank else CARD,
            back=html.escape(session["cancel_url"] or "#"),
        )

    def pay(self, name, number, authenticated=False):
        """Pay, or save the card; return the address to go on to.

        :raise StripeFault: the card is declined; the page stays open for another one
        """
        session = self.store.get("checkout.session", name)
        if session["status"] != "open":
            raise invalid("This Checkout Session is no longer open.")
        is_bank = "us_bank_account" in session["payment_method_types"]
        method = self.payments.new_bank_account() if is_bank else self.payments.new_card(number)
        if session["mode"] == "setup":
            intent = self.payments.create_setup_intent({"customer": session["customer"], **session["data"]})
            self.store.kind("setup_intent")[intent["id"]] = intent
            self.payments.confirm_setup_intent(intent, method)
            session["setup_intent"] = intent["id"]
            session["payment_status"] = "no_payment_required"
        else:
            self._pay_amount(session, method, authenticated)
        session.update(status="complete", url=None)
        self.store.event("checkout.session.completed", session)
        return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])

    def _pay_amount(self, session, method, authenticated):
        values = {
            "amount": session["amount_total"],
            "currency": session["currency"],
            "customer": session["customer"],
            "payment_method_types": session["payment_method_types"],
            **session["data"],
        }
        if session["payment_intent"]:
            intent = self.store.get("payment_intent", session["payment_intent"])
        else:
            intent = self.payments.create_intent(values)
            session["payment_intent"] = intent["id"]
        intent["payment_method"] = method["id"]
        self.payments.confirm(intent, authenticated=authenticated)
        if intent["status"] == "requires_action":
            raise StripeFault(402, "Your bank asks you to confirm this payment.", code="authentication")
        session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"


PAGE = (Path(__file__).parent / "page.html").read_text()
CARD, ACCOUNT, PAGE = PAGE.split("<!-- part -->\n")
