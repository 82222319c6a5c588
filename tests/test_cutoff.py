"""Revenue is of the day on which a call took place, whenever it is reported."""

from datetime import date, datetime
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at

from .posting_case import PostingCommon


class TestCutoff(PostingCommon):
    """October, and what is reported of it in November. The wallet holds 100 from 5 October on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with recorded_at(datetime(2026, 10, 5, 12)):
            topup = cls.wallet.create_topup("100")
            wizard = cls.env["account.payment.register"].with_context(
                active_model="account.move", active_ids=topup.invoice_id.ids
            )
            wizard.create({})._create_payments()

    def _post_all(self):
        return self.env["call.wallet"].post_transactions(None, "2026-11-30", self.books)

    def test_a_call_of_the_last_evening_that_is_reported_after_midnight(self):
        self._report("2026-11-01 00:05:00", "2026-10-31 23:50:00", duration_seconds=600)  # 10 minutes: 0.20
        [row] = self.wallet.transaction_ids.filtered(lambda transaction: transaction.type == "usage")
        self.assertEqual((row.day, row.accounting_day), (date(2026, 11, 1), date(2026, 10, 31)))
        move = self._post_all()
        self.assertEqual((move.date, move.call_wallet_day), (date(2026, 10, 31), date(2026, 10, 31)))
        # The wallet has paid in November, the books have earned in October.
        self.assertFigures("2026-10-30", closing=100, general_ledger=100, not_posted=0)
        self.assertFigures("2026-10-31", closing=100, used=0, general_ledger="99.8", not_posted="-0.2", remainder=0)
        self.assertFigures(
            "2026-11-30", closing="99.8", used="0.2", general_ledger="99.8", not_posted=0,
            earlier_periods="0.2", earlier_periods_booked=0,
        )  # fmt: skip
        self.assertSound(self.wallet)

    def test_a_call_that_is_retried_when_its_month_is_closed_is_of_the_first_open_day(self):
        self._report("2026-10-12 12:00:00", "2026-10-12 11:00:00")
        self._post(1, 31)
        self.books.fiscalyear_lock_date = date(2026, 10, 31)
        self._report("2026-11-05 12:00:00", "2026-10-20 11:00:00")
        self._report("2026-11-05 12:00:00", "2026-11-05 11:00:00")
        late, current = self._post_all().sorted("date")
        self.assertEqual((late.date, late.call_wallet_day), (date(2026, 11, 1), date(2026, 10, 20)))
        self.assertIn("period closed", late.ref)
        self.assertEqual(current.date, date(2026, 11, 5))
        self.assertFigures("2026-10-31", closing=98, general_ledger=98, not_posted=0)
        # Booked on the 1st, charged on the 5th.
        self.assertFigures("2026-11-03", closing=98, general_ledger=96, not_posted=-2, earlier_periods=0)
        self.assertFigures(
            "2026-11-30", used=4, closing=94, general_ledger=94, not_posted=0,
            earlier_periods=2, earlier_periods_booked=2,
        )  # fmt: skip
        self.assertSound(self.wallet)

    def test_a_late_call_is_of_its_day_while_that_is_open_and_of_either_month_for_who_posts(self):
        for first, last in (("2026-10-01", "2026-10-31"), ("2026-11-01", "2026-11-30")):
            self._report("2026-11-05 12:00:00", "2026-10-20 11:00:00")
            move = self.env["call.wallet"].post_transactions(first, last, self.books)
            self.assertEqual(move.date, date(2026, 10, 20))
        self.assertFigures("2026-11-30", earlier_periods=4, earlier_periods_booked=0)

    def test_the_day_is_the_wallets_and_that_of_the_calls_start(self):
        cases = [
            ("Asia/Singapore", "2026-10-31 16:30:00", "2026-11-01 16:30:00", date(2026, 11, 1)),
            ("America/New_York", "2026-11-01 03:59:00", "2026-11-01 04:10:00", date(2026, 10, 31)),
            # An hour that goes on in November.
            ("UTC", "2026-10-31 23:30:00", "2026-11-01 00:30:00", date(2026, 10, 31)),
        ]
        for tz, started_at, reported_at, expected in cases:
            wallet = self._make_wallet(company_id=self.books.id, tz=tz)
            self._report(reported_at, started_at, account=wallet.account_ref, duration_seconds=3600)
            self._post_all()
            self.assertEqual(wallet.transaction_ids.move_id.date, expected, tz)

    def test_a_call_from_a_clock_that_is_ahead_is_of_the_day_of_its_report(self):
        self._report("2026-10-20 23:59:00", "2026-10-21 00:01:00")
        row = self.wallet.transaction_ids[0]
        self.assertEqual((row.day, row.accounting_day), (date(2026, 10, 20), False))
        self.assertEqual(self._post_all().date, date(2026, 10, 20))

    def test_one_entry_of_a_day_takes_calls_that_were_charged_on_several(self):
        for day in (20, 21, 23):
            self._report(f"2026-10-{day} 12:00:00", "2026-10-20 11:00:00", duration_seconds=620)  # 11 minutes: 0.22
        move = self._post_all()
        self.assertEqual(move.date, date(2026, 10, 20))
        rows = self.env["call.wallet.posted.entry"].search([("move_id", "=", move.id)]).sorted("day")
        self.assertEqual(rows.mapped("day"), [date(2026, 10, day) for day in (20, 21, 23)])
        self.assertEqual(rows.mapped("posted_amount"), [Decimal("0.22")] * 3)
        for day, closing, not_posted in (
            (19, 100, 0),
            (20, "99.78", "-0.44"),
            (21, "99.56", "-0.22"),
            (23, "99.34", 0),
        ):
            expected = 100 if day == 19 else "99.34"
            self.assertFigures(f"2026-10-{day}", closing=closing, not_posted=not_posted, general_ledger=expected)
        self.assertSound(self.wallet)

    def test_cents_that_are_rounded_over_several_days_are_explained_on_each(self):
        for day in (20, 21, 22, 23, 24):
            # A live minute to +1 415: 0.0125. Five of them: 0.0625, posted as 0.06.
            self._report(f"2026-10-{day} 12:00:00", "2026-10-20 11:00:00", call_type="live", duration_seconds=60)
        self.assertEqual(self._by_account(self._post_all())["live"], Decimal("0.06"))
        for day, not_posted in ((20, "-0.05"), (22, "-0.025"), (24, 0)):
            self.assertFigures(f"2026-10-{day}", general_ledger="99.94", remainder="0.0025", not_posted=not_posted)

    def test_corrections_are_of_the_day_on_which_they_are_made(self):
        call = self._report("2026-10-20 12:00:00", "2026-10-20 11:00:00")
        self._post(1, 31)
        with recorded_at(datetime(2026, 11, 5, 12)):
            self.wallet.refund("0.50", "Bad line", usage=self._usage_of(call))
        self.assertFalse(self.wallet.transaction_ids[0].accounting_day)
        self.assertEqual(self._post_all().date, date(2026, 11, 5))
        self.assertFigures("2026-11-30", earlier_periods=0, refunded="0.5")

    def test_the_day_stays_when_the_call_is_deleted(self):
        call = self._report("2026-11-05 12:00:00", "2026-10-20 11:00:00")
        self._usage_of(call).sudo().unlink()
        self.assertEqual(self._post_all().date, date(2026, 10, 20))

    def test_what_opens_and_what_is_printed_name_the_reason(self):
        self._report("2026-11-05 12:00:00", "2026-10-20 11:00:00")
        move = self._post_all()
        action = self.wallet.open_reconciled("not_posted", "2026-10-31")
        rows = self.env["call.wallet.transaction"].search(action["domain"])
        self.assertEqual(rows.move_id, move)
        action = self.wallet.open_reconciled("earlier_periods", "2026-11-30")
        self.assertEqual(self.env["call.wallet.transaction"].search(action["domain"]), rows)
        proof = self.env["call.wallet.reconciliation"]
        sections = proof._books(date(2026, 10, 31), self.books).sections
        [line] = proof._explained(date(2026, 10, 31), self.books, sections)
        self.assertEqual(line[3:], ("Posted on the day of the call, charged later", move.name, move.date, Decimal(-2)))
        [section] = proof._books(date(2026, 11, 30), self.books).sections
        self.assertEqual([(name, amount) for name, _label, amount in proof._parts(section)], [("used", 2), ("used", 0)])
        screen = self.env["call.wallet"].reconciliation_screen("2026-11-30", self.books.id)
        self.assertEqual(screen["sections"][0]["total"]["earlier_periods"], "2.000000")
        report = self.env["ir.actions.report"]
        html, _type = report._render_qweb_html(
            "call_wallet.report_reconciliation", self.books.ids, data={"date": "2026-11-30"}
        )
        self.assertIn(b"Of which calls of earlier periods", html)
        self.assertTrue(proof._xlsx(date(2026, 11, 30), self.books).read())
