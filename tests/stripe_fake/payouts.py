"""Payouts: the balance goes to the bank, and says of which movements it was made up."""

import time

from .errors import StripeFault, invalid, missing
from .payments import known

DAY = 86400
NOT_AUTOMATIC = "Balance transaction history can only be filtered on automatic transfers, not manual."


class Payouts:
    def __init__(self, store):
        self.store = store

    def pay_out(self, currency="usd", arrival=None):
        """Pay out all that is in the balance in a currency, as Stripe does each day."""
        movements = self._unpaid(currency)
        payout = self._new(sum(entry["net"] for entry in movements), currency, automatic=True, arrival=arrival)
        self._made_up_of(payout, movements)
        self._book(-payout["amount"], "payout", payout)
        payout["status"] = "paid"
        self.store.event("payout.paid", payout)
        return payout

    def create(self, values):
        """Pay out by hand: of such a payout Stripe does not say what it is made up of."""
        known(values, {"amount", "currency", "description", "metadata", "statement_descriptor"})
        amount, currency = int(values["amount"]), values["currency"]
        if amount > sum(entry["net"] for entry in self._unpaid(currency)):
            raise invalid(
                "You have insufficient funds in your Stripe account for this transfer.", code="balance_insufficient"
            )
        payout = self._new(amount, currency, automatic=False)
        self._book(-amount, "payout", payout)
        payout["status"] = "paid"
        self.store.event("payout.paid", payout)
        return payout

    def fail(self, name, status="failed"):
        """The bank does not take the money, after some days; it is in the balance again."""
        payout = self.store.get("payout", name)
        payout.update(status=status, failure_code="account_closed", failure_message="The bank account is closed.")
        self._book(payout["amount"], "payout_failure" if status == "failed" else "payout_cancel", payout)
        self.store.event(f"payout.{status}", payout)
        return payout

    def charge(self, cost, type="stripe_fee", currency="usd", description="Billing - Usage Fee"):
        """Stripe takes a fee of its own, that belongs to no payment."""
        return self._book(-cost, type, {"id": None, "currency": currency}, description)

    def movements(self, values):
        """Answer with balance transactions; of a payout, those that it is made up of and itself, newest first."""
        known(values, {"payout", "created", "limit", "starting_after", "ending_before", "currency", "type", "source"})
        found = self.store.find("balance_transaction", currency=values.get("currency"), type=values.get("type"))
        if "payout" not in values:
            return found
        payout = self.store.kind("payout").get(values["payout"])
        if not payout:
            raise missing("payout", values["payout"], "payout")
        if not payout["automatic"]:
            raise StripeFault(400, NOT_AUTOMATIC, code="balance_transactions_not_automatic")
        names = self.store.kind("payout_movements")["of_" + payout["id"]]["movements"]
        own = {payout["balance_transaction"]}
        return [entry for entry in found if entry["id"] in own.union(names)]

    def _unpaid(self, currency):
        paid = {name for item in self.store.kind("payout_movements").values() for name in item["movements"]}
        movements = self.store.find("balance_transaction", currency=currency)
        return [entry for entry in movements if entry["id"] not in paid and entry["type"] != "payout"]

    def _made_up_of(self, payout, movements):
        names = [entry["id"] for entry in movements]
        self.store.kind("payout_movements")["of_" + payout["id"]] = {"movements": names}

    def _new(self, amount, currency, automatic, arrival=None):
        return self.store.new(
            "payout",
            "po",
            amount=amount,
            currency=currency,
            arrival_date=int(arrival or time.time()) // DAY * DAY,
            automatic=automatic,
            balance_transaction=None,
            description="STRIPE PAYOUT",
            destination="ba_test",
            failure_code=None,
            failure_message=None,
            metadata={},
            method="standard",
            statement_descriptor=None,
            status="in_transit",
            type="bank_account",
        )

    def _book(self, amount, type, source, description=None):
        entry = self.store.new(
            "balance_transaction",
            "txn",
            amount=amount,
            fee=0,
            net=amount,
            type=type,
            source=source["id"],
            currency=source["currency"],
            description=description,
            exchange_rate=None,
            reporting_category=type,
            status="available",
        )
        if type == "payout":
            source["balance_transaction"] = entry["id"]
        return entry
