"""The owner's spend: beside the days before, by day, country, manager and campaign."""

from datetime import datetime

from lxml import html
from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.tests import tagged

from .browser import BrowserCase
from .test_portal import PortalCommon

NBSP = "\N{NO-BREAK SPACE}"
OCTOBER = "usage?preset=custom&date_from=2026-10-01&date_to=2026-10-31"


class SpendCommon(PortalCommon):
    def setUp(self):
        super().setUp()
        # 0.0125 a minute to +1 415, and 0.02 by WhatsApp, whole minutes; Spain and the United Kingdom for this.
        prices = (("34", "0.05"), ("44", "0.1"), ("1416", "0.03"))
        self.plan.rate_ids = [
            (0, 0, {"call_type": "live", "prefix": prefix, "price_per_minute": price}) for prefix, price in prices
        ]

    def call_on(self, moment, **call):
        """Report one call that is charged at a moment (UTC)."""
        with recorded_at(datetime.fromisoformat(moment)):
            return self._record(self._call(started_at=f"{moment.replace(' ', 'T')}Z", **call))

    def page(self, query=""):
        answer = self.open_page("portal-owner", self.path(f"usage{query}" if query[:1] == "?" else query or "usage"))
        self.assertEqual(answer.status_code, 200, answer.text[:500])
        return html.fromstring(answer.text)

    def said(self, page, name):
        """What stands in a part of the page, blanks as one."""
        [part] = page.xpath(f'//*[@data-usage="{name}"]')
        return " ".join(part.text_content().replace(NBSP, " ").split())

    def exactly(self, page, name):
        """What a part of the page says to whoever points at it."""
        [part] = page.xpath(f'//*[@data-usage="{name}"]')
        return part.get("title").replace(NBSP, " ")

    def lines(self, page, name):
        """A list's lines: {name: (exact amount, charges)}."""
        found = {}
        for line in page.xpath(f'//*[@data-usage="{name}"]//li'):
            amount, charges = line.xpath(".//strong")[0], line.xpath("./div[last()]")[0]
            label = line.xpath(".//span")[0].text_content().strip()
            found[label] = (
                amount.get("title").replace(NBSP, " "),
                int(charges.text_content().split()[0].replace(",", "")),
            )
        return found


@tagged("post_install", "-at_install", "standard")
class TestPortalUsage(SpendCommon):
    def test_the_spend_of_some_days_stands_beside_that_of_as_many_days_before(self):
        # 8 minutes at 0.0125 in the three days before; 3 at 0.0125 and 2 at 0.02 in the three days.
        self.call_on("2026-10-09 12:00:00", duration_seconds=480)
        self.call_on("2026-10-10 12:00:00", duration_seconds=61)
        self.call_on("2026-10-12 12:00:00", duration_seconds=60)
        self.call_on("2026-10-12 13:00:00", duration_seconds=120, call_type="whatsapp")
        # Neither in the days nor in those before.
        self.call_on("2026-10-06 12:00:00", duration_seconds=600)
        self.call_on("2026-10-13 12:00:00", duration_seconds=600)
        page = self.page("?preset=custom&date_from=2026-10-10&date_to=2026-10-12")
        # Sums as they are paid; exactly for whoever points at them.
        self.assertEqual((self.said(page, "spent"), self.exactly(page, "spent")), ("$ 0.08", "$ 0.0775"))
        # 0.0775 - 0.1 = -0.0225, which is 22.5 % of 0.1.
        self.assertEqual(
            self.said(page, "compared"),
            "$ 0.02 less (−22.5%) than in the 3 days before, 10/07/2026 – 10/09/2026: $ 0.10.",
        )
        self.assertEqual((self.said(page, "live"), self.said(page, "whatsapp")), ("$ 0.04", "$ 0.04"))
        self.assertEqual(self.exactly(page, "live"), "$ 0.0375")
        self.assertEqual((self.said(page, "charges"), self.said(page, "minutes")), ("3", "5"))
        # 61,200 s are 1,020 minutes.
        self.call_on("2026-10-11 12:00:00", duration_seconds=61_200)
        self.assertEqual(
            self.said(self.page("?preset=custom&date_from=2026-10-10&date_to=2026-10-12"), "minutes"), "1,025"
        )

    def test_nothing_before_has_no_share_and_a_single_day_is_compared_with_the_one_before(self):
        self.call_on("2026-10-12 12:00:00")
        page = self.page("?preset=custom&date_from=2026-10-12&date_to=2026-10-12")
        self.assertEqual(self.said(page, "compared"), "Nothing was spent on the day before, 10/11/2026.")
        page = self.page("?preset=custom&date_from=2026-10-13&date_to=2026-10-13")
        self.assertEqual(self.said(page, "spent"), "$ 0.00")
        self.assertEqual(
            self.said(page, "compared"), "$ 0.03 less (−100.0%) than on the day before, 10/12/2026: $ 0.03."
        )

    def test_a_sum_of_which_nothing_would_be_left_is_shown_exactly(self):
        self.plan.rate_ids = [(0, 0, {"call_type": "live", "prefix": "1417", "price_per_minute": "0.0041"})]
        self.call_on("2026-10-12 12:00:00", number="+14175550100", duration_seconds=60)
        page = self.page("?preset=custom&date_from=2026-10-12&date_to=2026-10-12")
        self.assertEqual((self.said(page, "spent"), self.said(page, "whatsapp")), ("$ 0.0041", "$ 0.00"))
        self.call_on("2026-10-12 12:00:00", number="+14175550100", duration_seconds=60)
        page = self.page("?preset=custom&date_from=2026-10-12&date_to=2026-10-12")
        self.assertEqual((self.said(page, "spent"), self.exactly(page, "spent")), ("$ 0.01", "$ 0.0082"))

    def test_the_comparison_is_one_sentence_in_each_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"]._load_module_terms(["call_wallet"], ["es_ES"])
        self.owner.lang = "es_ES"
        self.call_on("2026-10-11 12:00:00")
        self.call_on("2026-10-12 12:00:00", duration_seconds=240)
        # 4 minutes at 0.0125 after 2: 0.025 more.

        def compared(days):
            answer = self.open_page("portal-owner", f"/es{self.path('usage')}?preset=custom&{days}")
            return self.said(html.fromstring(answer.text), "compared")

        self.assertEqual(
            compared("date_from=2026-10-12&date_to=2026-10-12"),
            "$ 0,03 más (+100,0 %) que el día anterior, 11/10/2026: $ 0,03.",
        )
        self.assertEqual(
            compared("date_from=2026-10-13&date_to=2026-10-14"),
            "$ 0,08 menos (−100,0 %) que en los 2 días anteriores, 11/10/2026 – 12/10/2026: $ 0,08.",
        )
        # A day and a month as Spanish writes them, in its order and its words.
        page = self.open_page("portal-owner", f"/es{self.path(OCTOBER)}").text
        names = html.fromstring(page).xpath('//*[contains(@class, "o_call_wallet_bar_day")]')
        self.assertEqual((names[0].text_content(), names[-1].text_content()), ("1 oct", "31 oct"))
        self.assertIn("octubre de 2026", self.open_page("portal-owner", f"/es{self.path('transactions')}").text)

    def test_the_first_and_the_last_day_stand_below_the_bars(self):
        for last, expected in (
            ("2026-10-07", ["Oct 1", "Oct 3", "Oct 5", "Oct 7"]),
            ("2026-10-30", ["Oct 1", "Oct 8", "Oct 15", "Oct 23", "Oct 30"]),
            ("2026-10-02", ["Oct 1", "Oct 2"]),
            ("2027-09-30", ["Oct 2026", "Feb 2027", "May 2027", "Sep 2027"]),
        ):
            with self.subTest(last):
                self.call_on("2026-10-02 12:00:00", call_ref=last)
                page = self.page(f"?preset=custom&date_from=2026-10-01&date_to={last}")
                names = page.xpath('//*[contains(@class, "o_call_wallet_bar_day")]')
                self.assertEqual([name.text_content() for name in names], expected)

    def test_days_are_those_of_the_wallet(self):
        self._made_in("Asia/Tokyo")
        # 15:30 UTC is half past midnight of the next day in Tokyo.
        self.call_on("2026-10-11 15:30:00", duration_seconds=60)
        self.call_on("2026-10-12 15:30:00", duration_seconds=180)
        page = self.page("?preset=custom&date_from=2026-10-12&date_to=2026-10-12")
        self.assertEqual(self.exactly(page, "spent"), "$ 0.0125")
        self.assertEqual(self.lines(page, "countries"), {"United States": ("$ 0.0125", 1)})
        page = self.page("?preset=custom&date_from=2026-10-13&date_to=2026-10-13")
        self.assertEqual(self.lines(page, "managers"), {"No manager": ("$ 0.0375", 1)})

    def test_countries_managers_and_campaigns_each_add_up_to_the_spend(self):
        at = "2026-10-12 12:00:00"
        self.call_on(at, number="+34612345678", duration_seconds=120, manager="Ana", campaign="Nurses")  # 0.10
        self.call_on(at, number="+447400123456", duration_seconds=60, manager="Ana")  # 0.10
        # Both begin with 1; the area code 416 is Toronto's. 0.03 and 0.0125.
        self.call_on(at, number="+14165550100", duration_seconds=60, manager="Leo", campaign="Nurses")
        self.call_on(at, number="+14155550100", duration_seconds=60)
        self.call_on(at, number="CO.13491208655302741918", duration_seconds=60, call_type="whatsapp")  # 0.02
        self.call_on(at, number="+34612345670", duration_seconds=60, call_ref="gone", manager="Leo")  # 0.05
        self.call_on(at, number="+34612345671", duration_seconds=60, call_ref="masked", manager="Leo")  # 0.05
        self.usage.search([("call_ref", "=", "gone")]).unlink()
        self.usage.search([("call_ref", "=", "masked")]).sudo()._mask()
        page = self.page(OCTOBER)
        self.assertEqual((self.said(page, "spent"), self.exactly(page, "spent")), ("$ 0.36", "$ 0.3625"))
        self.assertEqual(
            self.lines(page, "countries"),
            {
                "Spain": ("$ 0.10", 1),
                "United Kingdom": ("$ 0.10", 1),
                "Canada": ("$ 0.03", 1),
                "Colombia": ("$ 0.02", 1),
                "United States": ("$ 0.0125", 1),
                "Unknown": ("$ 0.10", 2),
            },
        )
        self.assertEqual(
            self.lines(page, "managers"),
            {
                "Ana": ("$ 0.20", 2),
                "Leo": ("$ 0.03", 1),
                "Unknown": ("$ 0.10", 2),
                "No manager": ("$ 0.0325", 2),
            },
        )
        self.assertEqual(self.lines(page, "campaigns"), {"Nurses": ("$ 0.13", 2), "No campaign": ("$ 0.2325", 5)})

    def test_what_is_no_country_has_its_own_line(self):
        at = "2026-10-12 12:00:00"
        self.plan.rate_ids = [(0, 0, {"call_type": "live", "prefix": "", "price_per_minute": "1"})]
        self.call_on(at, number="+870773123456", duration_seconds=60)
        self.call_on(at, number="112", duration_seconds=60)
        self.call_on(at, number="", direction="inbound", duration_seconds=60)
        lines = self.lines(self.page(OCTOBER), "countries")
        self.assertEqual(
            lines,
            {"International numbers": ("$ 1.00", 1), "Short numbers": ("$ 0.00", 1), "Withheld": ("$ 0.00", 1)},
        )

    def test_refunds_are_told_apart_from_what_was_spent(self):
        self.call_on("2026-10-12 12:00:00", call_ref="wrong")
        with recorded_at(datetime(2026, 10, 13)):
            self.wallet.refund("0.005", "Bad line", usage=self.usage.search([("call_ref", "=", "wrong")]))
        page = self.page(OCTOBER)
        self.assertEqual((self.exactly(page, "spent"), self.exactly(page, "given_back")), ("$ 0.025", "$ 0.005"))

    def test_a_bar_leads_to_the_transactions_of_its_day(self):
        self.call_on("2026-10-11 12:00:00", number="+14155550111")
        self.call_on("2026-10-12 12:00:00", number="+14155550112")
        self.call_on("2026-10-12 13:00:00", number="+14155550113")
        page = self.page("?preset=custom&date_from=2026-10-10&date_to=2026-10-14")
        bars = page.xpath('//ol[contains(@class, "o_call_wallet_bars")]/li')
        self.assertEqual(len(bars), 5)
        links = [link for bar in bars for link in bar.xpath("./a")]
        self.assertEqual(
            [link.get("aria-label").replace(NBSP, " ") for link in links],
            ["10/11/2026: $ 0.03, 1 charge", "10/12/2026: $ 0.05, 2 charges"],
        )
        answer = self.open_page("portal-owner", links[1].get("href")).text
        for text, is_there in (("0111", False), ("0112", True), ("0113", True)):
            self.assertEqual(f"555-{text}" in answer, is_there, text)
        # What leads on from there stays in these days.
        kinds = html.fromstring(answer).xpath('//nav[@aria-label="Kind of transaction"]//a/@href')
        self.assertTrue(all("date_from=2026-10-12&date_to=2026-10-12" in address for address in kinds), kinds)

    def test_a_long_range_is_charted_by_month(self):
        for day in ("2026-01-31", "2026-02-01", "2026-02-28"):
            self.call_on(f"{day} 12:00:00")
        page = self.page("?preset=custom&date_from=2026-01-15&date_to=2026-12-31")
        bars = page.xpath('//ol[contains(@class, "o_call_wallet_bars")]/li')
        self.assertEqual(len(bars), 12)
        labels = [
            link.get("aria-label").replace(NBSP, " ")
            for link in page.xpath("//ol//a[contains(@class, 'o_call_wallet_bar')]")
        ]
        self.assertEqual(
            labels, ["01/15/2026 – 01/31/2026: $ 0.03, 1 charge", "02/01/2026 – 02/28/2026: $ 0.05, 2 charges"]
        )

    def test_days_that_cannot_be_shown_are_refused_by_name(self):
        for query, expected in (
            ("date_from=2026-10-02&date_to=2026-10-01", "To: choose a day that is not before From."),
            ("date_from=yesterday", "From: yesterday is not a date"),
            ("date_to=2026-10-01", "From: choose a day."),
            ("date_from=2020-01-01&date_to=2026-10-01", "at most two years"),
        ):
            with self.subTest(query):
                answer = self.open_page("portal-owner", self.path(f"usage?preset=custom&{query}"))
                self.assertEqual(answer.status_code, 422)
                self.assertIn(expected, answer.text)

    def test_each_range_can_be_chosen_and_says_which_it_is(self):
        for preset in ("today", "last_7_days", "this_month", "last_month", "custom"):
            page = self.page(f"?preset={preset}")
            [current] = page.xpath('//nav[@aria-label="Time range"]//a[@aria-current]')
            self.assertIn(f"preset={preset}", current.get("href"))

    def test_many_charges_are_read_only_when_they_are_asked_for(self):
        self.call_on("2026-10-12 12:00:00")
        # As if there were more than are read at once; the totals alone know.
        self.env.flush_all()
        self.env.cr.execute("UPDATE call_wallet_day SET transactions = 2000000 WHERE wallet_id = %s", [self.wallet.id])
        self.env.invalidate_all()
        page = self.page(OCTOBER)
        self.assertFalse(page.xpath('//*[@data-usage="countries"]'))
        [link] = page.xpath('//a[contains(@class, "o_call_wallet_read_calls")]')
        page = html.fromstring(self.open_page("portal-owner", link.get("href")).text)
        self.assertEqual(self.lines(page, "countries"), {"United States": ("$ 0.025", 1)})


@tagged("post_install", "-at_install", "standard")
class TestPortalUsageBrowser(BrowserCase, SpendCommon):
    def test_the_tabs_and_the_spend_can_be_used_by_everybody_on_a_phone_in_spanish_too(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"].search([("name", "=", "call_wallet")])._update_translations(["es_ES"])
        self.wallet.partner_id.name = "Compañía Internacional de Telecomunicaciones y Servicios de Atención al Cliente"
        for day in range(1, 29):
            self.call_on(f"2026-10-{day:02d} 12:00:00", call_type="whatsapp" if day % 3 else "live", manager="Ana")
        self.assertAccessible("portal-owner", self.path(OCTOBER), self.path("invoices"))
        self._on(
            "/my",
            f"""
            for (const lang of ["en_US", "es_ES"]) {{
                document.cookie = `frontend_lang=${{lang}}; path=/`;
                for (const size of ["390x844", "320x700"]) {{
                    await load("{self.path(OCTOBER)}", size);
                    const tabs = $(".o_call_wallet_tabs");
                    if (tabs.scrollWidth > tabs.clientWidth) {{ throw new Error(`${{lang}}: the tabs scroll`); }}
                    const links = [...tabs.querySelectorAll("a")];
                    if (links.length !== 4) {{ throw new Error("Four tabs"); }}
                }}
            }}
            // By keyboard: a bar takes the focus, and Enter follows it as it does any link.
            await load("{self.path(OCTOBER)}", "1280x800");
            const bars = [...shown.document.querySelectorAll("a.o_call_wallet_bar")];
            if (bars.length !== 28) {{ throw new Error(`${{bars.length}} bars`); }}
            bars[4].focus();
            if (shown.document.activeElement !== bars[4]) {{ throw new Error("It takes no focus"); }}
            const heights = [...bars[4].children].map((part) => part.getBoundingClientRect().height);
            if (!(Math.max(...heights) > 10)) {{ throw new Error(`No bar: ${{heights}}`); }}
            await next(() => bars[4].click());
            const rows = () => shown.document.querySelectorAll(".o_call_wallet_transactions tbody tr");
            await see("its one call", () => rows().length === 1);
            """,
            "portal-owner",
        )
