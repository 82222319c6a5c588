"""The owner's list of transactions: whom a call went to and why it cost what it did, page by page."""

import re
from datetime import datetime

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.tests import tagged

from .test_portal import PortalCommon

NBSP = "\N{NO-BREAK SPACE}"
NUMBER = f"+1{NBSP}415-555-0100"


@tagged("post_install", "-at_install", "standard")
class TestPortalTransactions(PortalCommon):
    def open_list(self, query=""):
        return self.open_page("portal-owner", self.path(f"transactions{query}")).text

    def rows(self, page):
        """What stands in the column What: its first lines."""
        cells = re.findall(r'<tr>\s*<td class="o_call_wallet_when">.*?</td>\s*<td>(.*?)</td>', page, re.DOTALL)
        return [re.sub(r"<[^>]+>", "\n", cell).strip().splitlines()[0].strip() for cell in cells]

    def follow(self, page, text):
        [link] = re.findall(rf'href="([^"]+)"[^>]*>(?:<i [^>]*></i>)?{text}<', page)
        return self.open_page("portal-owner", link.replace("&amp;", "&")).text

    def test_a_charge_says_whom_it_was_for_and_explains_itself(self):
        self._record(
            self._call(call_ref="seen", campaign="Nurses", manager="Ana", application_ref="APP-7", duration_seconds=61)
        )
        page = self.open_list()
        self.assertEqual(self.rows(page), [f"Live Call to {NUMBER}"])
        for expected in (
            f"Nurses · Ana · 2 min at ${NBSP}0.0125",
            "Prefix 1415; 0.0125 a minute; 61 s billed as 120 s; 2 min × 0.0125 = 0.025 USD",
            "Call reference seen",
            "Call started 10/01/2026",
            "Application ID APP-7",
        ):
            self.assertIn(expected, page)

    def test_what_is_special_about_a_call_is_said(self):
        self.plan.rate_ids.increment_seconds = 1
        self._record(
            self._call(duration_seconds=61),
            self._call(call_type="whatsapp", status="no_answer", duration_seconds=0),
            self._call(direction="inbound"),
            self._call(call_ref="gone"),
        )
        self.usage.search([("call_ref", "=", "gone")]).unlink()
        page = self.open_list()
        self.assertEqual(
            self.rows(page),
            [
                "Live Call, deleted",
                f"Live Call from {NUMBER}",
                f"WhatsApp Call to {NUMBER}",
                f"Live Call to {NUMBER}",
            ],
        )
        self.assertIn(f"1:01 min at ${NBSP}0.0125", page)
        self.assertIn("No answer", page)

    def test_money_and_corrections_say_what_they_are_about_and_kinds_are_shown_apart(self):
        topup = self._fund(self.wallet, "50", by="topup")
        self._record(self._call(call_ref="corrected"))
        call = self.usage.search([("call_ref", "=", "corrected")])
        self.wallet.refund("0.01", "Bad line", usage=call)
        invoice = self.wallet.topup_ids.invoice_id
        page = self.open_list()
        self.assertEqual(
            self.rows(page),
            ["Refund: Bad line", f"Live Call to {NUMBER}", f"Balance added, invoice {invoice.name}"],
            topup,
        )
        self.assertIn(f"Live Call · {NUMBER}", page)
        self.assertIn(f'href="{invoice.get_portal_url()}"'.split("?")[0], page)
        for kind, count, text in (
            ("calls", 1, NUMBER), ("added", 1, invoice.name), ("corrections", 1, "Bad line"), ("nonsense", 3, "Bad"),
        ):  # fmt: skip
            with self.subTest(kind=kind):
                page = self.open_list(f"?kind={kind}")
                self.assertEqual(len(self.rows(page)), count)
                self.assertIn(text, page)

    def test_pages_of_older_and_newer_ones_miss_none(self):
        self._fund(self.wallet, "50")
        self._record(*(self._call(number=f"+141555501{number:02d}") for number in range(54)))
        shown, page, pages = [], self.open_list(), []
        while True:
            pages.append(self.rows(page))
            shown += pages[-1]
            if ">Older" not in page:
                break
            page = self.follow(page, "Older")
        self.assertEqual([len(rows) for rows in pages], [20, 20, 15])
        self.assertEqual(shown[0][-2:], "53")
        self.assertEqual(len(set(shown)), 55)
        page = self.follow(page, "Newer")
        self.assertEqual(self.rows(page), pages[1])
        page = self.follow(page, "Newer")
        self.assertEqual(self.rows(page), pages[0])
        self.assertNotIn(">Newer", page)

        self.assertEqual(len(self.rows(self.open_list("?kind=calls&before=30"))), 20)
        self.assertEqual(self.rows(self.open_list("?before=first&after=last")), pages[0])

    def test_a_month_is_that_of_the_wallets_time_zone(self):
        self._made_in("Asia/Singapore")
        for moment in (datetime(2026, 9, 30, 12), datetime(2026, 9, 30, 20), datetime(2026, 10, 31, 15)):
            with recorded_at(moment):
                self._record(self._call())
        page = self.open_list("?month=2026-10")
        self.assertEqual(len(self.rows(page)), 2)
        self.assertIn("October 2026", page)
        self.assertIn("date_from=2026-10-01&amp;date_to=2026-10-31", page)
        self.assertEqual(len(self.rows(self.open_list("?month=2026-09"))), 1)
        self.assertEqual(len(self.rows(self.open_list("?month=1999-99"))), 3)
        self.assertIn("No transactions of this kind", self.open_list("?month=2026-10&kind=added"))

    def test_only_the_wallets_owners_see_its_list(self):
        for login in ("portal-stranger", "portal-colleague"):
            with self.subTest(login=login):
                self.assertEqual(self.open_page(login, self.path("transactions?kind=calls")).status_code, 404)
