"""Bank transfers: a customer's own account number, and the money that arrives there."""

from .errors import invalid
from .payments import known


class Cash:
    def __init__(self, store):
        self.store = store

    def funding_instructions(self, customer_name, values):
        known(values, {"bank_transfer", "currency", "funding_type"})
        customer = self.store.get("customer", customer_name)
        if (
            values.get("funding_type") != "bank_transfer"
            or (values.get("bank_transfer") or {}).get("type") != "us_bank_transfer"
        ):
            raise invalid("Only us_bank_transfer is enabled on this account.", param="bank_transfer[type]")
        number = str(int(customer["id"].removeprefix("cus_"), 16) % 10**12).zfill(12)
        address = {
            "line1": "1 Bank Street",
            "city": "San Francisco",
            "state": "CA",
            "postal_code": "94105",
            "country": "US",
        }
        common = {
            "account_holder_name": "Call Wallet",
            "bank_name": "STRIPE TEST BANK",
            "account_number": number,
            "account_holder_address": address,
            "bank_address": address,
        }
        return {
            "object": "funding_instructions",
            "currency": values["currency"],
            "funding_type": "bank_transfer",
            "livemode": False,
            "bank_transfer": {
                "country": "US",
                "type": "us_bank_transfer",
                "financial_addresses": [
                    {
                        "type": "aba",
                        "aba": {**common, "account_type": "checking", "routing_number": "110000000"},
                        "supported_networks": ["ach", "domestic_wire_us"],
                    },
                    {"type": "swift", "swift": {**common, "swift_code": "TSTEZ122"}, "supported_networks": ["swift"]},
                ],
            },
        }

    def balance(self, customer_name):
        customer = self.store.get("customer", customer_name)
        return {
            "object": "cash_balance",
            "customer": customer["id"],
            "available": dict(customer["cash"]) or None,
            "livemode": False,
            "settings": {"reconciliation_mode": "manual"},
        }

    def fund(self, customer_name, amount, currency="usd", reference=None):
        """A bank transfer has arrived."""
        customer = self.store.get("customer", customer_name)
        customer["cash"][currency] = customer["cash"].get(currency, 0) + int(amount)
        movement = self.store.new(
            "customer_cash_balance_transaction",
            "ccsbtxn",
            type="funded",
            customer=customer["id"],
            currency=currency,
            net_amount=int(amount),
            ending_balance=customer["cash"][currency],
            funded={"bank_transfer": {"type": "us_bank_transfer", "reference": reference}},
        )
        self.store.event("customer_cash_balance_transaction.created", movement)
        return movement
