"""How the back office leads from one thing to the next, and what its lists show by themselves."""

from datetime import datetime, timedelta

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.tests import freeze_time, new_test_user

from .common import CallWalletCommon
from .test_backend_lists import ListCommon
from .test_topup_unfunded import SettlementCase


class TestWayToTheWallet(CallWalletCommon):
    def setUp(self):
        super().setUp()
        self._fund(self.wallet, "12.5")
        self.manager = self._make_user("office.manager", "account_manager")
        self.contact = self.env["res.partner"].create({"name": "Peter", "parent_id": self.partner.id})

    def _opened(self, record, user=None):
        return record.with_user(user or self.manager).action_open_call_wallets()

    def test_a_customer_and_its_contacts_lead_to_its_wallet_with_the_balance(self):
        for partner in self.partner, self.contact:
            self.assertEqual(partner.with_user(self.manager).call_wallet_total, "$\xa012.50")
            self.assertEqual(self._opened(partner)["res_id"], self.wallet.id)

    def test_several_wallets_have_a_balance_a_currency_and_open_as_a_list(self):
        yen = self._set_rate("JPY", 150)
        yen.write({"position": "before", "symbol": "¥"})
        other = self._make_wallet(partner_id=self.partner.id, currency_id=yen.id, rate_plan_id=False)
        other.refund("80000", "Opening credit")
        self.env.invalidate_all()
        self.assertEqual(set(self.contact.call_wallet_total.split(" · ")), {"$\xa012.50", "¥\xa080,000"})
        action = self._opened(self.partner)
        self.assertFalse(action.get("res_id"))
        self.assertEqual(set(action["domain"][0][2]), {self.wallet.id, other.id})

    def test_an_invoice_of_a_top_up_leads_to_the_wallet_and_another_does_not(self):
        topup = self._fund(self.wallet, "20", by="topup")
        self.env.invalidate_all()
        self.assertEqual(topup.invoice_id.call_wallet_total, "$\xa032.50")
        finance = self._make_user("office.finance", "finance")
        self.assertEqual(self._opened(topup.invoice_id, finance)["res_id"], self.wallet.id)

    def test_who_has_no_right_to_wallets_has_no_button_and_no_question_is_asked(self):
        groups = "account.group_account_invoice,base.group_partner_manager"
        clerk = new_test_user(self.env, login="office.clerk", groups=groups)
        for model in "res.partner", "account.move":
            views = self.env[model].with_user(clerk).get_views([(False, "form")])
            arch = views["views"]["form"]["arch"]
            for ours in "call_wallet_id", "call_wallet_total", "call_wallet_story", "call_wallet_is_topup":
                self.assertNotIn(f'"{ours}"', arch, model)
            self.assertNotIn("action_open_call_wallets", arch, model)


class TestRecentSpend(CallWalletCommon):
    def test_each_wallet_s_days_are_its_own_and_one_query_reads_them_all(self):
        west = self._make_wallet(tz="America/Los_Angeles")
        for wallet in self.wallet, west:
            self._fund(wallet, "50")
        # 02:00 UTC: in Los Angeles it is the day before.
        with freeze_time(datetime(2026, 11, 20, 2)), recorded_at(datetime(2026, 11, 20, 2)):
            for wallet in self.wallet, west:
                for days in (0, 13, 14):
                    begun = utcnow() - timedelta(days=days, minutes=30)
                    with recorded_at(begun + timedelta(minutes=10)):
                        call = self._call(account=wallet.account_ref, started_at=f"{begun.isoformat()}Z")
                        # 61 s: 2 minutes at 0.0125.
                        self.assertEqual(self._record(call)["result"], "charged")
            self.env.invalidate_all()
            wallets = self.wallet | west
            wallets.mapped("tz")
            days = self.env["call.wallet.day"].sudo()
            with self.assertQueryCount(1):
                days._recent_spend(wallets, 14)
            for wallet in wallets:
                spend = [float(amount) for amount in wallet.recent_spend]
                self.assertEqual(spend, [0.025, *([0] * 12), 0.025], wallet.tz)


class TestReadersLanguage(CallWalletCommon):
    def test_a_charge_explains_itself_with_the_reader_s_decimal_comma(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self._fund(self.wallet, "5")
        call = self._call()
        self._record(call)
        usage = self._usage_of(call)
        self.assertIn("0.0125 a minute; 61 s billed as 120 s; 2 min × 0.0125 = 0.025 USD", usage.explanation)
        self.assertIn("2 min × 0,0125 = 0,025 USD", usage.with_context(lang="es_ES").explanation)


class TestReversalOfARelease(SettlementCase):
    def test_it_is_dated_on_the_company_s_day_wherever_the_accountant_is(self):
        topup = self.wallet.create_topup("100")
        self._write_off(topup, 100, day=self.company._call_wallet_today())
        entry = topup.release_unfunded("Insolvent")
        self.company.partner_id.tz = "UTC"
        for tz in "Pacific/Kiritimati", "Pacific/Pago_Pago":
            dialog = self.env["account.move.reversal"].with_context(
                active_model="account.move", active_ids=entry.ids, tz=tz
            )
            self.assertEqual(dialog.default_get(["move_ids", "date"])["date"], self.company._call_wallet_today())


class TestOfficeScreens(ListCommon):
    def test_the_customer_of_a_wallet_opens_on_its_billing_tab(self):
        # Once it has money, the customer is fixed, and stands there as a link.
        self._fund(self.wallet, "12")
        self._on(
            self._wallet_path(),
            """
            await click(".o_form_view [name=partner_id] a");
            await see("the Billing tab", () => text(".o_notebook .nav-link.active") === "Billing");
            await see("its wallet", () => $(".o_call_wallet_dashboard[data-wallet]"));
            await seeText("[name=action_open_call_wallets]", "$ 12.00");
            """,
        )

    def test_a_top_up_s_story_is_a_list_that_everybody_can_use(self):
        topup = self._fund(self.wallet, "20", by="topup")
        for path in f"/odoo/call-wallet-topups/{topup.id}", f"/odoo/call-wallet-invoices/{topup.invoice_id.id}":
            with self.subTest(path=path):
                self._on(
                    path,
                    """
                    if (location.pathname.includes("invoices")) { await click(".nav-link[name=call_wallet_story]"); }
                    const events = () => [...document.querySelectorAll("ol > li.o_call_wallet_event")];
                    const kinds = () => events().map((one) => one.dataset.kind);
                    await see("the story", () => kinds().join() === "asked,terms,invoiced,paid,credited");
                    await seeText("[data-kind=credited]", "$ 20.00");
                    if (!$("[data-kind=credited] time[datetime$=Z]")) { throw new Error("No machine's time"); }
                    """,
                )
