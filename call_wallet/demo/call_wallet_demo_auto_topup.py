import logging
from datetime import datetime, timedelta

from odoo import api, models

from ..tools.clock import recorded_at

_logger = logging.getLogger(__name__)

BEGIN = datetime(2026, 10, 6, 8, 0)
SETTINGS = {"level": "20", "amount": "50", "monthly_cap": "200"}


class CallWalletDemoAutoTopup(models.AbstractModel):
    """STARK's story: a small balance, and a saved card that is declined once and then charged.

    Its card belongs to Odoo's demo provider, which needs no account anywhere; without the
    module ``payment_demo`` the wallet stays empty.
    """

    _inherit = "call.wallet.demo"

    @api.model
    def _load(self):
        is_new = not self._wallet("STARK").last_sequence
        result = super()._load()
        if is_new:
            self._load_auto_topup()
        return result

    def _load_auto_topup(self):
        wallet = self._wallet("STARK")
        provider = self.env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", wallet.company_id.id), ("state", "=", "test")], limit=1
        )
        if not provider:
            _logger.info("Without the module payment_demo the demo has no automatic top-up.")
            return
        with recorded_at(BEGIN):
            self._top_up(BEGIN, "STARK", "15")
            card = self._save_card(wallet, provider)
            wallet.set_auto_topup(True, **SETTINGS, token_id=card.id, accept_mandate=True)
        # What the card answers, and when the scheduled action looks; after a decline it waits for an hour.
        for minutes, answer in ((1, "error"), (2, "error"), (62, "done")):
            card.demo_simulated_state = answer
            with recorded_at(BEGIN + timedelta(minutes=minutes)):
                self.env["call.wallet"]._cron_auto_topup()
        self._keep_quiet()

    def _save_card(self, wallet, provider):
        return self.env["payment.token"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id,
                "payment_details": "•••• 4242",
                "partner_id": wallet.partner_id.id,
                "provider_ref": "demo",
            }
        )
