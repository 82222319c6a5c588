"""What last month's calls would have cost by the prices of a file that is not imported yet."""

from datetime import datetime
from decimal import Decimal

from odoo import Command
from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .rate_case import RateCase


@tagged("post_install", "-at_install")
class TestLastMonth(RateCase):
    DECEMBER = datetime(2026, 12, 10)

    def _november(self):
        """Two calls of 0.0250 to +1415 and one of 0.0882 to +44; others that are not of the month or of the kind."""
        for moment, overrides in (
            (datetime(2026, 10, 31, 23), {"started_at": "2026-10-31T22:00:00Z"}),
            (self.DECEMBER, {"started_at": "2026-11-20T10:00:00Z"}),
            (self.DECEMBER, {"started_at": "2026-11-30T23:59:59Z"}),
            (self.DECEMBER, {"started_at": "2026-11-20T10:00:00Z", "number": "+442079460000", "duration_seconds": 120}),
            (self.DECEMBER, {"started_at": "2026-11-20T10:00:00Z", "call_type": "whatsapp"}),
            (self.DECEMBER, {"started_at": "2026-11-20T10:00:00Z", "status": "busy", "duration_seconds": 0}),
            (self.DECEMBER, {"started_at": "2026-12-01T00:00:00Z"}),
        ):
            with recorded_at(moment):
                self.assertEqual(self._record(self._call(**overrides))["result"], "charged")

    def test_what_last_months_calls_would_have_cost(self):
        self._november()
        before, version = self._deck(), self.plan.deck_version
        # 61 seconds to +1415 then cost twice 0.02 and a fee of 0.01; what +44 costs stays: 0.1882 instead of 0.1382.
        wizard = self._import("1415,,0.02,60,0,0.01", valid_from=datetime(2026, 12, 15))

        with recorded_at(self.DECEMBER):
            wizard.action_compare_last_month()

        self.assertEqual(
            wizard.last_month_told,
            "November 2026: 3 calls, charged 0.14 USD. By these prices: 0.19 (+0.05).",
        )
        self.assertEqual((self._deck(), self.plan.deck_version), (before, version), "nothing has changed")
        wizard.action_apply()
        with recorded_at(self.DECEMBER):
            told = self._cost("2026-12-15T00:00:00Z")
        self.assertEqual(told, Decimal("0.03"))

    def test_what_they_would_have_cost_is_told_to_the_companies_whose_calls_these_were_alone(self):
        """Several companies may share a plan that is none's own."""
        self._november()
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        other = self._make_user("rates.elsewhere", "finance")
        other.write({"company_ids": [Command.set(elsewhere.ids)], "company_id": elsewhere.id})
        wizard = self._import("1415,,0.02,60,0,0.01", valid_from=datetime(2026, 12, 15))
        with recorded_at(self.DECEMBER):
            wizard.action_compare_last_month()
        self.assertTrue(wizard.last_month_told)
        theirs = wizard.with_user(other).with_context(allowed_company_ids=elsewhere.ids)
        self.assertFalse(theirs.last_month_told)
        with self.assertRaises(AccessError):
            theirs.read(["last_month"])

    def test_calls_that_would_have_no_price_are_counted(self):
        self._november()
        wizard = self._import("1,,0.01,60,0,0", valid_from=datetime(2026, 12, 15), close_missing=True)
        with recorded_at(self.DECEMBER):
            wizard.action_compare_last_month()
        # Two minutes of 0.01 for each of two calls, which +1 now covers; +44 is in the plan no more.
        self.assertEqual(
            wizard.last_month_told.splitlines(),
            [
                "November 2026: 3 calls, charged 0.14 USD. By these prices: 0.04 (-0.10).",
                "1 of these calls would have no price, and count as 0.",
            ],
        )

    def test_calls_of_a_wallet_that_was_closed_since_are_among_them(self):
        self._november()
        self._archive(self.wallet)
        self.env.flush_all()
        wizard = self._import("1415,,0.02,60,0,0.01", valid_from=datetime(2026, 12, 15))
        with recorded_at(self.DECEMBER):
            wizard.action_compare_last_month()
        self.assertIn("3 calls, charged 0.14 USD. By these prices: 0.19 (+0.05).", wizard.last_month_told)
