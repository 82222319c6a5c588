"""The first-use tour of the back office, walked in a browser: from the overview to a balance."""

from odoo.tests import new_test_user, tagged

from .browser import PageCase

# As Odoo's ``start_tour`` does, but a step may wait for longer than 10 seconds: others use this machine as well.
READY = "odoo.isTourReady('call_wallet_tour')"
WALK = """
    const tours = odoo.loader.modules.get("@web/core/registry").registry.category("web_tour.tours");
    const tour = tours.get("call_wallet_tour");
    const steps = () => tour.steps().map((step) => ({ ...step, timeout: 60000 }));
    tours.add("call_wallet_tour", { ...tour, steps }, { force: true });
    odoo.startTour("call_wallet_tour", { startUrl: "/odoo", delayToCheckUndeterminisms: 0 });
"""


@tagged("post_install", "-at_install", "standard")
class TestFirstUseTour(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A company that has nothing yet but its chart of accounts.
        cls.company = cls.env["res.company"].create({"name": "First Telecom"})
        cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)
        cls.groups = "call_wallet.group_finance_manager,base.group_partner_manager"

    def _newcomer(self, login, lang="en_US"):
        return new_test_user(
            self.env,
            login=login,
            groups=self.groups,
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
            lang=lang,
        )

    def _walk(self, login, lang="en_US"):
        self._newcomer(login, lang)
        self.browser_js("/odoo", WALK, ready=READY, login=login, timeout=240, success_signal="tour succeeded")
        wallet = self.env["call.wallet"].search([("company_id", "=", self.company.id)])
        self.assertEqual((wallet.partner_id.name, wallet.balance), ("My First Customer", 50))
        self.assertEqual(wallet.recipient_ids.mapped("email"), ["billing@example.com"])

    def test_it_leads_to_a_wallet_with_a_balance(self):
        self._walk("tour.newcomer")

    def test_it_leads_there_in_spanish(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"]._load_module_terms(["web", "account", "call_wallet"], ["es_ES"])
        self._walk("tour.nueva", "es_ES")

    def test_it_is_offered_once_to_those_with_onboarding_and_to_nobody_else(self):
        user = self._newcomer("tour.once")
        tours = self.env["web_tour.tour"].with_user(user)
        self.assertFalse(user.tour_enabled)
        self.assertFalse(tours.get_current_tour())
        others = tours.sudo().search([("name", "!=", "call_wallet_tour")])
        others.user_consumed_ids = [(4, user.id)]
        user.sudo().tour_enabled = True
        self.assertEqual(tours.get_current_tour()["name"], "call_wallet_tour")
        tours.consume("call_wallet_tour")
        self.assertFalse(tours.get_current_tour())
