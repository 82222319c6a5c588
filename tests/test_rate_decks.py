"""The decks that a server process keeps in memory."""

from unittest.mock import patch

from odoo import Command

from .common import CallWalletCommon

DECKS = "_call_wallet_decks"


class TestRateDecks(CallWalletCommon):
    def setUp(self):
        super().setUp()
        before = self.registry.__dict__.pop(DECKS, None)
        self.addCleanup(self.registry.__dict__.__setitem__, DECKS, before or {})
        if before is None:
            self.addCleanup(self.registry.__dict__.pop, DECKS, None)

    def _plan(self, name, prefixes):
        return self.env["call.rate.plan"].create(
            {
                "name": name,
                "currency_id": self.dollar.id,
                "rate_ids": [Command.create({"prefix": prefix, "price_per_minute": "0.05"}) for prefix in prefixes],
            }
        )

    def test_those_used_longest_ago_make_room(self):
        plans = [self._plan(name, ("1", "44", "49")) for name in ("First", "Second", "Third")]
        wallets = [self._make_wallet(rate_plan_id=plan.id) for plan in plans]
        with patch("odoo.addons.call_wallet.models.rates.call_rate_plan.MOST_RATES", 6):
            for wallet in (wallets[0], wallets[1], wallets[0], wallets[2]):
                self.assertEqual(self._record(self._call(account=wallet.account_ref))["total_cost"], "0.100000")
        # Three rates a plan, six at most: the second one was used longest ago.
        self.assertEqual(list(self.registry.__dict__[DECKS]), [plans[0].id, plans[2].id])

    def test_one_that_is_too_large_is_kept_while_it_is_used(self):
        plan = self._plan("Large", ("1", "44", "49"))
        wallet = self._make_wallet(rate_plan_id=plan.id)
        with patch("odoo.addons.call_wallet.models.rates.call_rate_plan.MOST_RATES", 2):
            self._record(self._call(account=wallet.account_ref))
        self.assertEqual(list(self.registry.__dict__[DECKS]), [plan.id])
