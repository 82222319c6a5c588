"""What the tests of automatic top-up have in common: a saved card of Odoo's demo provider."""

from datetime import datetime, timedelta
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow

from .common import CallWalletCommon

SETTINGS = {"level": "20", "amount": "50", "monthly_cap": "400"}


class AutoTopupCase(CallWalletCommon):
    """``cls.wallet`` has 30 dollars and a saved card, ``cls.card``; automatic top-up is on below 20."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = cls.env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", cls.company.id)], limit=1
        )
        cls.provider.state = "test"
        cls.card = cls._save_card()
        cls.log = cls.env["call.wallet.auto.topup"]
        cls.wallet.refund("30", "Opening credit")
        cls.wallet.set_auto_topup(True, **SETTINGS, token_id=cls.card.id, accept_mandate=True)

    @classmethod
    def _save_card(cls, answer="done", partner=None, details="4242"):
        """A saved card that the demo provider answers for with ``answer``: done, pending, cancel, error."""
        return cls.env["payment.token"].create(
            {
                "provider_id": cls.provider.id,
                "payment_method_id": cls.provider.payment_method_ids[:1].id,
                "payment_details": details,
                "partner_id": (partner or cls.partner).id,
                "provider_ref": "fake",
                "demo_simulated_state": answer,
            }
        )

    def _spend(self, dollars, wallet=None):
        wallet = wallet or self.wallet
        minutes = int(Decimal(dollars) * 50)
        call = self._call(account=wallet.account_ref, call_type="whatsapp", duration_seconds=minutes * 60)
        self.assertEqual(self._record(call)["result"], "charged")
        self.env.invalidate_all()

    def _run(self, later=None):
        """What the scheduled action does, now or that much later."""
        with recorded_at(utcnow() + (later or timedelta())):
            self.env["call.wallet"]._cron_auto_topup()
        self.env.invalidate_all()

    def _attempts(self, *states):
        domain = [("wallet_id", "=", self.wallet.id)]
        return self.log.search(domain + ([("state", "in", states)] if states else [("state", "!=", "skipped")]))

    def _reasons(self):
        """Why nothing was charged, oldest first."""
        return self._attempts("skipped").sorted("id").mapped("reason")

    def _kinds(self):
        alerts = self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id)], order="id")
        return [kind for kind in alerts.mapped("kind") if kind.startswith("auto_")]

    @staticmethod
    def _middle_of_month():
        return recorded_at(datetime(2026, 10, 15, 12, 0))
