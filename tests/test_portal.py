"""What a customer's people see of the wallet on the portal."""

from odoo.tests import HttpCase, new_test_user, tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestPortalBilling(CallWalletCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = cls._portal_user("portal-owner", cls.partner)
        cls.colleague = cls._portal_user("portal-colleague", cls.partner)
        cls.wallet.owner_ids = cls.owner

    @classmethod
    def _portal_user(cls, login, company):
        user = new_test_user(cls.env, login=login, password=login, groups="base.group_portal")
        user.partner_id.parent_id = company
        return user

    def open_page(self, login, path="/my/billing"):
        self.authenticate(login, login)
        return self.url_open(path)

    def test_the_owner_sees_balance_transactions_and_invoices(self):
        self._fund(self.wallet, "50", by="topup")
        self.wallet.create_topup("75")
        self._record(self._call(call_ref="seen-on-the-portal"))
        page = self.open_page("portal-owner").text
        for expected in ("Active", "49.97", "49.975", "seen-on-the-portal", "Paid", "Pending", "Pay now"):
            self.assertIn(expected, page)

    def test_an_empty_wallet_says_so(self):
        page = self.open_page("portal-owner").text
        self.assertIn("There is no invoice yet", page)
        self.assertIn("Nothing has happened on this wallet yet", page)

    def test_the_home_page_leads_there(self):
        self.assertIn("/my/billing", self.open_page("portal-owner", "/my").text)

    def test_older_transactions_are_on_the_next_page(self):
        self._fund(self.wallet, "50")
        self._record(*(self._call(call_ref=f"page-{number:02d}") for number in range(25)))
        self.assertIn("page-24", self.open_page("portal-owner").text)
        second = self.open_page("portal-owner", f"/my/billing/{self.wallet.id}/page/2").text
        self.assertIn("page-00", second)
        self.assertNotIn("page-24", second)

    def test_a_colleague_without_the_role_and_other_customers_see_nothing(self):
        other = self._make_wallet()
        stranger = self._portal_user("portal-stranger", other.partner_id)
        other.owner_ids = stranger
        self.assertEqual(self.open_page("portal-colleague").status_code, 404)
        for path in (f"/my/billing/{self.wallet.id}", f"/my/billing/{self.wallet.id}/page/1"):
            self.assertEqual(self.open_page("portal-stranger", path).status_code, 404)
            self.assertEqual(self.open_page("portal-colleague", path).status_code, 404)
