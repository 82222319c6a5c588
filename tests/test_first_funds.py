"""A wallet that never had money is new, not used up: owners and staff are told calmly to add the first funds."""

from lxml import html
from odoo.addons.call_wallet.models.wallet.call_wallet_balance import EMPTY
from odoo.tests import tagged

from .test_portal import PortalCommon

STOPPED = "Calls have stopped"


@tagged("post_install", "-at_install", "standard")
class TestFirstFunds(PortalCommon):
    def _figures(self, page):
        return page.split('data-figure="balance"')[1].partition(">")[0]

    def test_a_wallet_just_set_up_is_asked_for_its_first_funds_on_every_page(self):
        for path in (self.path(), self.path("transactions"), self.path("invoices"), "/my"):
            with self.subTest(path=path):
                page = self.open_page("portal-owner", path).text
                self.assertIn("Add your first funds", page)
                self.assertIn("o_call_wallet_banner_first", page)
                self.assertNotIn(STOPPED, page)
                self.assertNotIn("used up", page)
                self.assertNotIn("o_call_wallet_banner_empty", page)
        overview = self.open_page("portal-owner").text
        self.assertIn("One step left: add your first funds", overview)
        self.assertNotIn("text-danger", self._figures(overview))
        self.assertNotIn("Below the threshold", overview)

    def test_calls_on_credit_do_not_make_it_a_wallet_that_is_used_up(self):
        self._record(self._call())
        page = self.open_page("portal-owner").text
        self.assertIn("Add your first funds", page)
        self.assertNotIn(STOPPED, page)

    def test_a_wallet_that_is_used_up_is_told_so(self):
        self._fund(self.wallet, "0.01")
        self._record(self._call())
        self.env.invalidate_all()
        self.assertFalse(self.wallet.awaits_first_funds)
        page = self.open_page("portal-owner").text
        self.assertIn(STOPPED, page)
        self.assertIn("o_call_wallet_banner_empty", page)
        self.assertIn("text-danger", self._figures(page))
        self.assertNotIn("first funds", page)

    def test_several_wallets_that_need_funds_are_told_in_one_line(self):
        self.other.owner_ids |= self.owner
        page = html.fromstring(self.open_page("portal-owner", self.path("usage")).text)
        [line] = page.xpath("//summary[contains(@class, 'o_call_wallet_banner_first')]")
        self.assertEqual(line.text_content().strip(), "2 wallets need funds")
        # Each of them below it, with its own button.
        links = line.xpath("./parent::details//a/@href")
        self.assertEqual(sorted(links), sorted([self.path("add"), self.path("add", self.other)]))
        # One that has stopped colours the line.
        self._fund(self.wallet, "0.01")
        self._record(self._call())
        self.env.invalidate_all()
        page = html.fromstring(self.open_page("portal-owner", self.path("usage")).text)
        self.assertTrue(page.xpath("//summary[contains(@class, 'o_call_wallet_banner_empty')]"))

    def test_one_that_is_not_set_up_or_is_closed_is_asked_for_nothing(self):
        unset, closed = self._make_wallet(recipients=()), self._make_wallet()
        self._archive(closed)
        self.assertEqual((unset | closed).mapped("awaits_first_funds"), [False, False])
        self.assertNotIn("first funds", closed.status_meaning)

    def test_the_back_office_tells_the_same(self):
        staff = self._make_user("first.manager", "account_manager")
        status = self.wallet.with_user(staff).dashboard_data()["status"]
        self.assertEqual((status["is_low"], status["awaits_first_funds"]), (False, True))
        self.assertIn("Add your first funds", status["meaning"])
        [banner] = self.env["call.wallet"].with_user(self.owner).low_balance_banners()
        self.assertEqual((banner["is_first"], banner["is_empty"]), (True, False))
        self._fund(self.wallet, "5")
        self.env.invalidate_all()
        status = self.wallet.with_user(staff).dashboard_data()["status"]
        self.assertEqual((status["is_low"], status["awaits_first_funds"]), (True, False))
        [banner] = self.env["call.wallet"].with_user(self.owner).low_balance_banners()
        self.assertEqual((banner["is_first"], banner["is_empty"]), (False, False))

    def test_nobody_is_mailed_that_calls_have_stopped(self):
        wallet = self._make_wallet(recipients=())
        wallet.set_recipients(["first@initrode.example"])
        wallet.low_balance_threshold = 50
        self._record(self._call(account=wallet.account_ref))
        self.env["call.wallet.alert"]._cron_send()
        self.env.invalidate_all()
        self.assertEqual(wallet.alert_level, EMPTY)
        self.assertFalse(self.env["call.wallet.alert"].search([("wallet_id", "=", wallet.id)]))
        self.assertFalse(self.env["mail.mail"].search([("model", "=", "call.wallet"), ("res_id", "=", wallet.id)]))
        self.assertFalse(wallet.activity_ids)

    def test_while_its_first_payment_is_processed_nothing_is_to_be_paid_again(self):
        provider = self.env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", self.company.id)], limit=1
        )
        self.company.call_wallet_accept_test_payments = True
        provider.state = "test"
        topup = self.wallet.create_topup("40")
        payment = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id,
                "amount": 40,
                "currency_id": topup.currency_id.id,
                "partner_id": topup.partner_id.id,
                "invoice_ids": topup.invoice_id.ids,
                "operation": "online_direct",
            }
        )
        for page in ("", "invoices"):
            self.assertIn("Pay now", self.open_page("portal-owner", self.path(page)).text)
        payment._set_pending()
        for page in ("", "invoices"):
            with self.subTest(page=page):
                text = self.open_page("portal-owner", self.path(page)).text
                self.assertIn("Being processed", text)
                self.assertNotIn("Pay now", text)
