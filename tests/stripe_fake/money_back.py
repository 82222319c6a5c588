"""Money that goes back: refunds within their limits, disputes, and the way back from them."""

from .errors import invalid
from .payments import known

DISPUTE_FEE = 1500


class MoneyBack:
    def __init__(self, store, payments):
        self.store = store
        self.payments = payments

    # === REFUNDS === #

    def create_refund(self, values):
        known(values, {"payment_intent", "charge", "amount", "metadata", "reason"})
        charge = self._charge_of(values)
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(values.get("amount") or left)
        if not charge["captured"] or charge["status"] != "succeeded":
            raise invalid("This charge cannot be refunded.")
        if not left:
            raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        if not 0 < amount <= left:
            raise invalid(
                f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge (${left / 100:.2f})",
                param="amount",
            )
        refund = self.store.new(
            "refund",
            "re",
            amount=amount,
            currency=charge["currency"],
            charge=charge["id"],
            status="succeeded",
            payment_intent=charge["payment_intent"],
            metadata=values.get("metadata") or {},
            reason=values.get("reason"),
            failure_reason=None,
            balance_transaction=None,
        )
        refund["balance_transaction"] = self.payments.book(-amount, 0, "refund", refund)["id"]
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.store.event("refund.created", refund)
        self.store.event("charge.refunded", charge)
        return refund

    def _charge_of(self, values):
        if values.get("charge"):
            return self.store.get("charge", values["charge"], "charge")
        intent = self.store.get("payment_intent", values.get("payment_intent"), "payment_intent")
        if not intent["latest_charge"]:
            raise invalid("This PaymentIntent does not have a successful charge to refund.")
        return self.store.get("charge", intent["latest_charge"])

    def fail_refund(self, name):
        """The customer's bank does not take a refund: some days later, in the real world."""
        refund = self.store.get("refund", name)
        refund.update(status="failed", failure_reason="expired_or_canceled_card")
        charge = self.store.get("charge", refund["charge"])
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        self.payments.book(refund["amount"], 0, "refund_failure", refund)
        self.store.event("refund.failed", refund)
        self.store.event("charge.refund.updated", refund)
        return refund

    # === DISPUTES === #

    def open_dispute(self, charge_name, amount=None, reason="fraudulent"):
        charge = self.store.get("charge", charge_name)
        dispute = self.store.new(
            "dispute",
            "dp",
            amount=int(amount or charge["amount"] - charge["amount_refunded"]),
            charge=charge["id"],
            currency=charge["currency"],
            payment_intent=charge["payment_intent"],
            reason=reason,
            status="needs_response",
            balance_transactions=[],
            metadata={},
            is_charge_refundable=False,
            evidence_details={"due_by": None},
        )
        charge.update(disputed=True, dispute=dispute["id"])
        self.store.event("charge.dispute.created", dispute)
        return dispute

    def withdraw(self, name):
        dispute = self.store.get("dispute", name)
        entry = self.payments.book(-dispute["amount"], DISPUTE_FEE, "adjustment", dispute)
        dispute["balance_transactions"].append(dict(entry))
        self.store.event("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def close(self, name, won):
        dispute = self.store.get("dispute", name)
        dispute["status"] = "won" if won else "lost"
        if won and dispute["balance_transactions"]:
            entry = self.payments.book(dispute["amount"], -DISPUTE_FEE, "adjustment", dispute)
            dispute["balance_transactions"].append(dict(entry))
            self.store.event("charge.dispute.funds_reinstated", dispute)
        self.store.event("charge.dispute.closed", dispute)
        return dispute
