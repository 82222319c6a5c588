"""What the tests of re-rating have in common."""

from datetime import datetime, timedelta
from decimal import Decimal

from .common import CallWalletCommon

DAY = datetime(2026, 10, 1)


class RerateCase(CallWalletCommon):
    """A funded wallet, a way to mend a price, and people who preview and post."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance = cls._make_user("rerate.finance", "finance")
        cls.manager = cls._make_user("rerate.manager", "finance_manager")
        cls._fund(cls, cls.wallet, "100")

    # 61 s to +1 415 are 2 minutes at 0.0125.
    OLD_COST = Decimal("0.025000")

    def _set_price(self, price, prefix="1415", **terms):
        """Mend the price as if it had always been so."""
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == prefix).write({"price_per_minute": price, **terms})

    def _make_rerate(self, **values):
        return (
            self.env["call.usage.rerate"]
            .with_user(self.finance)
            .create(
                {
                    "reason": "Wrong price",
                    "rate_plan_id": self.plan.id,
                    "date_from": DAY,
                    "date_to": DAY + timedelta(days=1),
                    **values,
                }
            )
        )

    def _preview(self, **values):
        rerate = self._make_rerate(**values)
        rerate.action_preview()
        self.assertEqual(rerate.state, "previewed")
        return rerate

    def _post(self, rerate):
        rerate.with_user(self.manager).action_post()
        self.assertEqual(rerate.state, "posted")

    def _corrections(self, usage):
        return usage.transaction_ids.filtered(lambda transaction: transaction.key.startswith("rerate/"))
