"""Customers, payment methods, setup intents, payment intents and their charges."""

import re

from .cards import CARDS, NAMED, message
from .errors import StripeFault, invalid
from .refusals import check_amount

DETACHED = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again."
)
FEE_PERCENT, FEE_FIXED = 29, 30  # 2.9 % and 30 cents
INTENT_PARAMETERS = {
    "amount",
    "currency",
    "customer",
    "description",
    "metadata",
    "payment_method",
    "payment_method_types",
    "payment_method_data",
    "payment_method_options",
    "confirm",
    "off_session",
    "capture_method",
    "receipt_email",
    "setup_future_usage",
    "mandate",
    "shipping",
    "return_url",
    "statement_descriptor_suffix",
    "automatic_payment_methods",
    "error_on_requires_action",
}
CUSTOMER_PARAMETERS = {"name", "email", "phone", "description", "address", "metadata", "tax", "preferred_locales"}


class Payments:
    """The part of the API that takes money."""

    def __init__(self, store):
        self.store = store
        self.receipts = ""
        self.taxes_fees = 0  # what of each fee is tax, in its currency's smallest unit
        self.settles_in = None  # (currency, rate): where it is not that of the charge

    # === CUSTOMERS AND CARDS === #

    def create_customer(self, values):
        known(values, CUSTOMER_PARAMETERS)
        check_email(values, "email")
        customer = self.store.new("customer", "cus", metadata={}, cash={}, **_pick(values, "name", "email", "phone"))
        customer |= _pick(values, "metadata", "description", "address")
        self.store.kind("customer")[customer["id"]] = customer
        return customer

    def delete_customer(self, name):
        """In Stripe's dashboard; the customer's cards go with it."""
        customer = self.store.get("customer", name)
        for method in self.store.find("payment_method", customer=name):
            self.detach(method["id"], {})
        del self.store.kind("customer")[name]
        return {**customer, "deleted": True}

    def new_card(self, number, customer=None):
        if number not in CARDS:
            raise invalid("Your card number is incorrect.", code="incorrect_number")
        brand, _behaviour = CARDS[number]
        card = {"brand": brand, "last4": number[-4:], "exp_month": 12, "exp_year": 2034, "checks": {}}
        return self.store.new("payment_method", "pm", type="card", card=card, number=number, customer=customer)

    def new_bank_account(self, customer=None, number="000123456789"):
        account = {"bank_name": "STRIPE TEST BANK", "last4": number[-4:], "routing_number": "110000000"}
        return self.store.new(
            "payment_method", "pm", type="us_bank_account", us_bank_account=account, number=number, customer=customer
        )

    def payment_method(self, name):
        if name in NAMED:
            return self.new_card(NAMED[name])
        return self.store.get("payment_method", name, "payment_method")

    def attach(self, name, values):
        method = self.payment_method(name)
        method["customer"] = self.store.get("customer", values["customer"])["id"]
        return method

    def detach(self, name, _values):
        method = self.store.get("payment_method", name)
        method.update(customer=None, detached=True)
        self.store.event("payment_method.detached", method)
        return method

    def create_setup_intent(self, values):
        customer = self.store.get("customer", values["customer"])["id"] if values.get("customer") else None
        intent = self.store.new(
            "setup_intent",
            "seti",
            customer=customer,
            status="requires_payment_method",
            payment_method=None,
            metadata={},
            description=values.get("description"),
            client_secret="seti_secret",
        )
        return intent | _pick(values, "metadata")

    def confirm_setup_intent(self, intent, method):
        method["customer"] = intent["customer"]
        intent.update(status="succeeded", payment_method=method["id"])
        self.store.event("setup_intent.succeeded", intent)

    # === PAYMENT INTENTS === #

    def create_intent(self, values):
        known(values, INTENT_PARAMETERS)
        check_email(values, "receipt_email")
        check_metadata(values)
        amount = int(values.get("amount") or 0)
        check_amount(amount, values["currency"])
        customer = values.get("customer")
        if customer:
            self.store.get("customer", customer, "customer")
        intent = self.store.new(
            "payment_intent",
            "pi",
            amount=amount,
            amount_received=0,
            currency=values["currency"],
            customer=customer,
            description=values.get("description"),
            metadata=values.get("metadata") or {},
            status="requires_payment_method",
            payment_method=None,
            payment_method_types=values.get("payment_method_types") or ["card"],
            capture_method=values.get("capture_method") or "automatic",
            receipt_email=values.get("receipt_email"),
            setup_future_usage=values.get("setup_future_usage"),
            last_payment_error=None,
            latest_charge=None,
            next_action=None,
            client_secret="pi_secret",
        )
        if values.get("payment_method"):
            method = self.payment_method(values["payment_method"])
            if method.get("detached"):
                raise invalid(DETACHED)
            if method["customer"] and method["customer"] != customer:
                raise invalid("The PaymentMethod does not belong to the Customer you supplied.")
            intent["payment_method"] = method["id"]
        if (values.get("payment_method_data") or {}).get("type") == "customer_balance":
            intent["payment_method"] = self.store.new(
                "payment_method", "pm", type="customer_balance", customer=customer, customer_balance={}
            )["id"]
        if values.get("confirm") in ("true", True):
            self.confirm(intent, off_session=values.get("off_session") in ("true", True))
        return intent

    def confirm(self, intent, off_session=False, authenticated=False):
        """Try to take the money; leaves the intent in its new status."""
        if intent["status"] == "succeeded":
            raise invalid(
                "You cannot confirm this PaymentIntent because it has already succeeded.",
                code="payment_intent_unexpected_state",
                payment_intent=intent,
            )
        method = self.store.get("payment_method", intent["payment_method"])
        if method["type"] == "us_bank_account":
            self._charge(intent, method, status="pending")
            intent["status"] = "processing"
            self.store.event("payment_intent.processing", intent)
            return
        if method["type"] == "customer_balance":
            self._spend_cash(intent)
        behaviour = CARDS[method["number"]][1] if method["type"] == "card" else {}
        decline = behaviour.get("charge") or behaviour.get("off" if off_session else "on")
        if decline == "authentication":
            if not authenticated:
                self._ask_for_authentication(intent, off_session)
                return
            decline = None
        if decline:
            self._decline(intent, method, decline)
        if intent["setup_future_usage"]:
            method["customer"] = intent["customer"]
        if intent["capture_method"] == "manual":
            intent["status"] = "requires_capture"
            self._charge(intent, method, captured=False)
            self.store.event("payment_intent.amount_capturable_updated", intent)
            return
        self._charge(intent, method)
        self._succeed(intent)

    def _spend_cash(self, intent):
        cash = self.store.get("customer", intent["customer"])["cash"]
        if cash.get(intent["currency"], 0) < intent["amount"]:
            raise invalid("The customer's cash balance does not cover the amount.")
        cash[intent["currency"]] -= intent["amount"]

    def _succeed(self, intent):
        intent.update(status="succeeded", amount_received=intent["amount"], last_payment_error=None, next_action=None)
        charge = self.store.get("charge", intent["latest_charge"])
        self.store.event("charge.succeeded", charge)
        self.store.event("payment_intent.succeeded", intent)

    def _charge(self, intent, method, status="succeeded", captured=True):
        charge = self.store.new(
            "charge",
            "ch",
            amount=intent["amount"],
            amount_refunded=0,
            currency=intent["currency"],
            captured=captured,
            customer=intent["customer"],
            payment_intent=intent["id"],
            payment_method=method["id"],
            status=status,
            description=intent["description"],
            metadata=dict(intent["metadata"]),
            refunded=False,
            disputed=False,
            paid=status == "succeeded",
            failure_code=None,
            failure_message=None,
            balance_transaction=None,
            receipt_email=intent["receipt_email"],
            receipt_url=None,
            dispute=None,
            payment_method_details={"type": method["type"], method["type"]: _details(method)},
        )
        charge["receipt_url"] = f"{self.receipts}/{charge['id']}"
        intent["latest_charge"] = charge["id"]
        if status == "succeeded" and captured:
            self.book_charge(charge)
        return charge

    def book_charge(self, charge):
        fee = (charge["amount"] * FEE_PERCENT + 500) // 1000 + FEE_FIXED
        charge["balance_transaction"] = self.book(charge["amount"], fee, "charge", charge)["id"]

    def book(self, amount, fee, type, source):
        """Enter a movement of the account's balance, in the currency in which the account is settled."""
        currency, rate = self.settles_in or (source["currency"], 1)
        amount, fee = round(amount * rate), round(fee * rate)
        return self.store.new(
            "balance_transaction",
            "txn",
            amount=amount,
            fee=fee,
            fee_details=self._fee_details(fee, currency),
            net=amount - fee,
            type=type,
            source=source["id"],
            currency=currency,
            exchange_rate=rate if self.settles_in else None,
            reporting_category=type,
            status="pending",
        )

    def _fee_details(self, fee, currency):
        """Say what a fee is made up of; where Stripe charges tax, that is a part of it."""
        parts = {"stripe_fee": fee - self.taxes_fees, "tax": self.taxes_fees} if fee else {}
        return [
            {"amount": part, "application": None, "currency": currency, "description": None, "type": kind}
            for kind, part in parts.items()
            if part
        ]

    def _ask_for_authentication(self, intent, off_session):
        if off_session:
            self._decline(intent, self.store.get("payment_method", intent["payment_method"]), "authentication_required")
        intent.update(status="requires_action", next_action={"type": "use_stripe_sdk"})
        self.store.event("payment_intent.requires_action", intent)

    def _decline(self, intent, method, code):
        charge = self._charge(intent, method, status="failed")
        is_authentication = code == "authentication_required"
        error = {
            "type": "card_error",
            "code": code if code in ("expired_card", "authentication_required") else "card_declined",
            "decline_code": code,
            "message": message(code),
            "charge": charge["id"],
        }
        charge.update(failure_code=error["code"], failure_message=error["message"], paid=False)
        intent.update(status="requires_payment_method", last_payment_error=error, payment_method=None)
        self.store.event("charge.failed", charge)
        self.store.event("payment_intent.payment_failed", intent)
        details = {key: value for key, value in error.items() if key not in ("type", "message")}
        raise StripeFault(
            402,
            error["message"],
            type="card_error",
            payment_intent=dict(intent),
            **details,
            **({"payment_method": dict(method)} if is_authentication else {}),
        )

    def settle(self, intent, succeeded=True, code="insufficient_funds"):
        """The bank has answered a direct debit: some days later, in the real world."""
        charge = self.store.get("charge", intent["latest_charge"])
        if succeeded:
            charge.update(status="succeeded", paid=True)
            self.book_charge(charge)
            self._succeed(intent)
            return
        charge.update(status="failed", paid=False, failure_code=code, failure_message=f"The bank returned it: {code}")
        error = {"type": "invalid_request_error", "code": code, "message": charge["failure_message"]}
        intent.update(status="requires_payment_method", amount_received=0, last_payment_error=error)
        self.store.event("charge.failed", charge)
        self.store.event("payment_intent.payment_failed", intent)

    def capture(self, name, _values):
        intent = self.store.get("payment_intent", name)
        if intent["status"] != "requires_capture":
            raise invalid("This PaymentIntent could not be captured.", code="payment_intent_unexpected_state")
        charge = self.store.get("charge", intent["latest_charge"])
        charge["captured"] = True
        self.book_charge(charge)
        self._succeed(intent)
        return intent

    def cancel(self, name, _values):
        intent = self.store.get("payment_intent", name)
        if intent["status"] in ("succeeded", "processing", "canceled"):
            raise invalid("You cannot cancel this PaymentIntent.", code="payment_intent_unexpected_state")
        intent["status"] = "canceled"
        self.store.event("payment_intent.canceled", intent)
        return intent


def known(values, allowed):
    """Refuse what Stripe would refuse: a parameter that it does not know."""
    for name in values:
        if name not in allowed | {"expand"}:
            raise invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def check_email(values, name):
    """Refuse what is not one bare address."""
    given = values.get(name)
    if given and not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+", given):
        raise invalid(f"Invalid email address: {given}", code="email_invalid", param=name)


def check_metadata(values):
    """Refuse more than 50 keys, names of more than 40 characters, and values of more than 500."""
    metadata = values.get("metadata") or {}
    if len(metadata) > 50 or any(len(name) > 40 or len(value) > 500 for name, value in metadata.items()):
        raise invalid("Metadata values can have up to 500 characters.", param="metadata")


def _pick(values, *names):
    return {name: values[name] for name in names if values.get(name) is not None}


def _details(method):
    return {**method[method["type"]], "mandate": None}
