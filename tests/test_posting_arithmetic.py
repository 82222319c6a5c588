"""From millionths to cents: whatever is posted, and in whatever order, the totals are right."""

import random
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from unittest import TestCase

from odoo.addons.call_wallet.tools.posting import Posted, released, shares

CENT = Decimal("0.01")
KINDS = ("live", "whatsapp", "adjustment", "breakage")


class TestPostingArithmetic(TestCase):
    def test_each_posting_brings_the_total_to_the_rounded_total_and_each_kind_to_within_a_cent(self):
        rng = random.Random(3)
        for unit in (CENT, Decimal("0.05"), Decimal(1)):
            exact, posted = defaultdict(Decimal), defaultdict(Decimal)
            for _posting in range(500):
                new = {
                    kind: rng.choice((1, 1, -1)) * Decimal(rng.randrange(40_000)) / 1_000_000
                    for kind in rng.sample(KINDS, rng.randrange(1, 5))
                }
                carried = {kind: Posted(exact[kind], posted[kind]) for kind in exact}
                for kind, amount in shares(carried, new, unit).items():
                    posted[kind] += amount
                for kind, amount in new.items():
                    exact[kind] += amount
                total = sum(exact.values())
                rounded = (total / unit).quantize(Decimal(1), ROUND_HALF_UP) * unit
                self.assertEqual(sum(posted.values()), rounded)
                for kind in KINDS:
                    self.assertLess(abs(exact[kind] - posted[kind]), unit)

    def test_only_kinds_with_transactions_are_posted_where_that_suffices(self):
        carried = {"live": Posted(Decimal("0.012"), CENT), "whatsapp": Posted(Decimal("0.008"), CENT)}
        self.assertEqual(shares(carried, {"live": Decimal("0.03")}, CENT), {"live": Decimal("0.03")})

    def test_a_deposit_leaves_at_its_average_and_nothing_is_left_with_the_last_of_it(self):
        held, value = Decimal(100), Decimal("110.07")
        for amount in (Decimal("33.33"), Decimal("33.33"), Decimal("33.34")):
            leaves = released(held, value, amount, amount * 2, CENT)
            held, value = held - amount, value - leaves
        self.assertEqual((held, value), (0, 0))
        # 10 are held at 1.20. 15 used at the day's 2.00: 12 and 5 x 2.00 = 22.
        self.assertEqual(released(Decimal(10), Decimal(12), Decimal(15), Decimal(30), CENT), Decimal(22))
        # 5 refunded come back at 1.20: 6.
        self.assertEqual(released(Decimal(10), Decimal(12), Decimal(-5), Decimal(-10), CENT), Decimal(-6))
        # Overdrawn by 10, worth 12: 5 more at the day's rate; 15 refunded are 12 and 5 x 2.00.
        self.assertEqual(released(Decimal(-10), Decimal(-12), Decimal(5), Decimal(10), CENT), Decimal(10))
        self.assertEqual(released(Decimal(-10), Decimal(-12), Decimal(-15), Decimal(-30), CENT), Decimal(-22))
        self.assertEqual(released(Decimal(0), Decimal("0.03"), Decimal(5), Decimal(10), CENT), Decimal(10))
        self.assertEqual(released(Decimal(10), Decimal(12), Decimal(0), Decimal(0), CENT), Decimal(0))
