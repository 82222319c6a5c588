"""The owner's Billing as a whole: four tabs, what is on them, and how much is owed."""

from lxml import html
from odoo.tests import tagged

from .test_portal import PortalCommon
from .test_portal_topup import TopupPageCommon
from .test_topup_unfunded import SettlementCase

NBSP = "\N{NO-BREAK SPACE}"


@tagged("post_install", "-at_install", "standard")
class TestPortalInvoiceFilters(PortalCommon):
    def setUp(self):
        super().setUp()
        self._fund(self.wallet, "50", by="topup")
        self._fund(self.wallet, "20", by="topup")
        self._pay(self.wallet.create_topup("40").invoice_id, 15)
        self.wallet.create_topup("75").cancel_order()

    def shown(self, query=""):
        answer = self.open_page("portal-owner", self.path(f"invoices{query}"))
        page = html.fromstring(answer.text)
        totals = {
            part.get("data-total"): " ".join(part.xpath("./dd")[0].text_content().replace(NBSP, " ").split())
            for part in page.xpath("//*[@data-total]")
        }
        return len(page.xpath("//tr[@data-invoice]")), totals, answer

    def test_invoices_are_added_up_by_status(self):
        count, totals, _answer = self.shown()
        self.assertEqual(count, 4)
        self.assertEqual(totals, {"pending": "$ 40.00 $ 25.00 to pay", "paid": "$ 70.00", "cancelled": "$ 75.00"})

    def test_they_are_chosen_by_status_and_by_date(self):
        for query, count, statuses in (
            ("?status=paid", 2, ["paid"]),
            ("?status=pending", 1, ["pending"]),
            ("?status=closed", 0, []),
            ("?status=nonsense", 4, ["pending", "paid", "cancelled"]),
            ("?date_to=2001-01-01", 0, []),
            ("?date_from=2001-01-01&status=cancelled", 1, ["cancelled"]),
        ):
            with self.subTest(query):
                found, totals, answer = self.shown(query)
                self.assertEqual((found, list(totals)), (count, statuses))
                self.assertEqual("There is no such invoice" in answer.text, not count)

    def test_a_page_takes_as_many_queries_for_many_invoices_as_for_few(self):
        def queries():
            # Whoever sees an invoice for the first time gives it the token of its address.
            self.shown("?status=pending")
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(self.shown("?status=pending")[0], 20)
            return self.env.cr.sql_log_count - before

        for _number in range(19):
            self.wallet.create_topup("5")
        few = queries()
        for _number in range(21):
            self.wallet.create_topup("5")
        self.assertLessEqual(queries(), few)

    def test_dates_that_cannot_be_read_are_refused_by_name(self):
        _count, _totals, answer = self.shown("?date_from=2026-10-02&date_to=2026-10-01")
        self.assertEqual(answer.status_code, 422)
        self.assertIn("To: choose a day that is not before From.", answer.text)


class TestInvoicesByStatus(SettlementCase):
    def test_each_one_is_listed_and_added_up_under_the_status_that_it_says_itself(self):
        kinds = ("paid", "bounced", "partial", "open", "cancelled", "closed", "paid_back")
        topups = {kind: self.wallet.create_topup(amount) for kind, amount in zip(kinds, range(10, 80, 10), strict=True)}
        for kind in ("paid", "bounced", "paid_back"):
            self._pay(topups[kind].invoice_id)
        topups["bounced"].invoice_id._get_reconciled_payments().action_reject()
        self._pay(topups["partial"].invoice_id, 5)
        topups["cancelled"].cancel_order()
        self._write_off(topups["closed"], 60)
        topups["paid_back"].pay_back("70", "Not needed")
        by_status = {
            "paid": ("paid_back", "paid"),
            "pending": ("open", "partial", "bounced"),
            "cancelled": ("cancelled",),
            "closed": ("closed",),
        }
        for status, expected in by_status.items():
            with self.subTest(status):
                invoices = self.env["account.move"].union(*(topups[kind].invoice_id for kind in expected))
                self.assertEqual(invoices.mapped("call_wallet_status"), [status] * len(expected))
                self.assertEqual(self.wallet._invoices_of_a_page(10, status=status), invoices)
                sums = (sum(invoices.mapped("amount_total")), sum(invoices.mapped("amount_residual")))
                self.assertEqual(self.wallet._invoice_totals(status), {status: (len(expected), *sums)})
        self.assertEqual(len(self.wallet._invoices_of_a_page(10)), 7)
        self.assertEqual(self.wallet._invoices_of_a_page(2, 1), (topups["closed"] | topups["cancelled"]).invoice_id)


@tagged("post_install", "-at_install", "standard")
class TestPortalTabs(PortalCommon):
    ADDRESSES = {
        "": "Overview",
        "usage": "Usage",
        "transactions": "Usage",
        "report": "Usage",
        "invoices": "Invoices & payment",
        "auto": "Invoices & payment",
        "cards": "Invoices & payment",
        "notifications": "Settings",
        "limits": "Settings",
        "information": "Settings",
        "people": "Settings",
    }

    def test_there_are_four_tabs_and_every_address_of_before_is_on_one_of_them(self):
        for page, tab in self.ADDRESSES.items():
            with self.subTest(page):
                answer = self.open_page("portal-owner", self.path(page))
                self.assertEqual(answer.status_code, 200)
                document = html.fromstring(answer.text)
                tabs = document.xpath('//nav[contains(@class, "o_call_wallet_tabs")]//a')
                self.assertEqual(
                    [link.text_content().strip() for link in tabs],
                    ["Overview", "Usage", "Invoices & payment", "Settings"],
                )
                [current] = [link for link in tabs if link.get("aria-current")]
                self.assertEqual(current.text_content().strip(), tab)
                # What the page is within the tab is said too.
                sections = document.xpath('//nav[contains(@class, "o_call_wallet_sections")]//a[@aria-current="page"]')
                ends = [link.get("href").rpartition("/")[2] for link in sections]
                self.assertEqual(ends, [page] if page else [])

    def test_every_section_of_a_tab_is_reached_from_it(self):
        reached = set()
        for page in ("usage", "invoices", "notifications"):
            document = html.fromstring(self.open_page("portal-owner", self.path(page)).text)
            for link in document.xpath('//nav[contains(@class, "o_call_wallet_sections")]//a'):
                reached.add(link.get("href").rpartition("/")[2])
        self.assertEqual(reached, set(self.ADDRESSES) - {""})

    def test_a_closed_wallet_has_no_settings(self):
        self._archive(self.wallet)
        document = html.fromstring(self.open_page("portal-owner", self.path("invoices")).text)
        links = document.xpath('//nav[contains(@class, "o_call_wallet_tabs")]//a')
        self.assertEqual([link.text_content().strip() for link in links], ["Overview", "Usage", "Invoices & payment"])
        self.assertFalse(document.xpath('//nav[contains(@class, "o_call_wallet_sections")]'))


@tagged("post_install", "-at_install", "standard")
class TestAutoTopupOnTheOverview(TopupPageCommon):
    def card(self):
        """What the overview says of automatic top-up: its state and where it leads to."""
        page = html.fromstring(self.open_page("portal-owner", self.path()).text)
        [state] = page.xpath('//*[@data-figure="auto"]')
        [part] = page.xpath('//section[@aria-labelledby="o_call_wallet_auto"]')
        return state.text_content().strip(), [link.get("href") for link in part.xpath(".//a")], part

    def test_it_says_whether_automatic_top_up_is_on_and_switches_it_off(self):
        state, links, part = self.card()
        self.assertEqual((state, links), ("Off", [self.path("auto")]))
        self.assertFalse(part.xpath(".//form"))
        card = self._token(self.owner.partner_id)
        settings = {"level": "20", "amount": "50", "monthly_cap": "400", "token_id": card.id}
        self.wallet.with_user(self.owner).set_auto_topup(True, **settings, accept_mandate=True)
        state, links, part = self.card()
        self.assertEqual((state, links), ("On", [self.path("auto")]))
        [form] = part.xpath(".//form")
        fields = [(field.get("name"), field.get("value")) for field in form.xpath(".//input")]
        answer = self.post("portal-owner", form.get("action"), [one for one in fields if one[0] != "csrf_token"])
        self.assertTrue(answer.headers["Location"].endswith(self.path()))
        self.assertEqual(self.wallet.auto_topup_state, "off")
        self.assertEqual(self.card()[0], "Off")

    def test_a_closed_wallet_says_nothing_of_it(self):
        self._archive(self.wallet)
        self.assertNotIn("o_call_wallet_auto", self.open_page("portal-owner", self.path()).text)


@tagged("post_install", "-at_install", "standard")
class TestOdooSInvoicePage(TopupPageCommon):
    def button(self, path):
        page = html.fromstring(self.open_page("portal-owner", path).text)
        [button] = page.xpath('//button[@name="o_payment_submit_button"]')
        return button.text_content().replace(NBSP, " ").strip()

    def test_its_button_says_what_is_left_to_pay_of_a_top_up(self):
        invoice = self.wallet.create_topup("40").invoice_id
        self._pay(invoice, 15)
        self.assertEqual(self.button(invoice.get_portal_url()), "Pay $ 25.00")

    def test_other_invoices_are_left_as_odoo_has_them(self):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [(0, 0, {"name": "Headsets", "price_unit": 9})],
            }
        )
        invoice.action_post()
        self.assertEqual(self.button(invoice.get_portal_url()), "Pay")
