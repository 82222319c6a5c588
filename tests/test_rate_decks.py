"""The decks that a server process keeps in memory."""

from unittest.mock import patch

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

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


class TestMinimum(CallWalletCommon):
    """A minimum that is longer than the increment and no multiple of it: nobody's contract."""

    def _rate(self):
        return self.plan.rate_ids.filtered(lambda rate: rate.prefix == "49")

    def test_it_is_refused_with_what_would_be_billed_and_what_to_set_instead(self):
        with self.assertRaisesRegex(ValidationError, "24 seconds.*20, 26, 32.*first block to 20"):
            self._rate().minimum_seconds = 20
        with self.assertRaises(ValidationError):
            self.plan.rate_ids = [
                Command.create(
                    {"prefix": "351", "price_per_minute": "0.1", "increment_seconds": 60, "minimum_seconds": 90}
                )
            ]
        self._rate().write({"minimum_seconds": 0, "first_block_seconds": 20})

    def test_a_first_block_beside_a_minimum_is_refused(self):
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self._rate().write({"minimum_seconds": 30, "first_block_seconds": 20})
            self.env.flush_all()

    def test_a_rate_of_an_earlier_version_charges_on_until_it_is_changed(self):
        self._fund(self.wallet, 1)
        rate = self._rate()
        self.env.cr.execute(
            "UPDATE call_rate SET minimum_seconds = 20, first_block_seconds = NULL, grace_seconds = NULL WHERE id = %s",
            rate.ids,
        )
        rate.invalidate_recordset()
        self.plan._touch()
        # 0.06 a minute: 1 s is billed as 24.
        result = self._record(self._call(number="+4930123456", duration_seconds=1))
        self.assertEqual(result["total_cost"], "0.024000")
        # It may end, and say otherwise where it goes.
        rate.write({"valid_to": "2027-01-01", "destination": "Germany"})
        with self.assertRaises(ValidationError):
            rate.increment_seconds = 7
