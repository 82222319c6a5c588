"""The seller's first page: its figures worked out by hand, who sees what, how it is kept up to date, and the screen."""

import json
from datetime import date, datetime, timedelta

from odoo import Command
from odoo.addons.call_wallet.models.dashboard import call_wallet_watch
from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.exceptions import AccessError

from . import demo_menus
from .browser import PHONE
from .common import CallWalletCommon
from .test_backend_screens import BackendCommon


class OverviewCommon(CallWalletCommon):
    """Two new companies, without the demo's wallets. What happens is entered at noon UTC of its day."""

    TODAY = "2026-11-17"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.env.ref("base.EUR")
        cls.euro.active = True
        cls.north, cls.south = cls.env["res.company"].create([{"name": "North"}, {"name": "South"}])
        cls.env["account.chart.template"].try_loading("generic_coa", cls.north, install_demo=False)
        cls.env["res.currency.rate"].create(
            [
                {"currency_id": cls.euro.id, "name": "2026-01-01", "rate": 0.8, "company_id": company.id}
                for company in (cls.north, cls.south)
            ]
        )
        cls.finance = cls._make_user("overview.finance", "finance")
        cls.manager = cls._make_user("overview.manager", "account_manager")
        (cls.finance + cls.manager).write({"company_ids": [Command.link(cls.north.id), Command.link(cls.south.id)]})
        cls.euro_plan = cls.env["call.rate.plan"].create(
            {
                "name": "In euros",
                "currency_id": cls.euro.id,
                "rate_ids": [Command.create({"prefix": "1", "price_per_minute": "0.02"})],
            }
        )

    @classmethod
    def _wallet_of(cls, company, **values):
        return cls._make_wallet(company_id=company.id, **values)

    def _on(self, day, hour=12):
        return recorded_at(datetime.fromisoformat(f"{day} {hour:02}:00:00"))

    def _use(self, wallet, day, minutes, hour=12):
        """A call to +1 415: 0.0125 a minute in dollars, 0.02 in euros."""
        with self._on(day, hour):
            result = self._record(
                self._call(account=wallet.account_ref, started_at=f"{day}T00:00:00Z", duration_seconds=minutes * 60)
            )
        self.assertEqual(result["result"], "charged", result)

    def _credit(self, wallet, day, amount):
        with self._on(day):
            wallet.refund(amount, "Goodwill")

    def _overview(self, *companies, user=None, day=TODAY):
        self.env.flush_all()
        overview = self.env["call.wallet.overview"].with_user(user or self.finance)
        with self._on(day):
            return overview.with_context(allowed_company_ids=[c.id for c in companies or [self.north]]).overview()

    def _books(self, *companies, day=TODAY):
        self.env.flush_all()
        overview = self.env["call.wallet.overview"].with_user(self.finance)
        with self._on(day):
            return overview.with_context(allowed_company_ids=[c.id for c in companies or [self.north]]).books()

    @staticmethod
    def _plain(compared):
        """What is compared, without zeros at the ends."""
        return tuple(float(compared[period]) for period in ("now", "before"))


class TestOverviewMoney(OverviewCommon):
    def _a_month(self):
        """Dollars: 100 paid on 5 October; 1.25 used on the 6th and 2.50 on the 20th; 0.50 given back on 3 November,
        5.00 used on the 4th; 40 ordered on the 5th. Euros: 20 of goodwill on 2 October, 2.00 used on 10 November.
        """
        dollars = self._wallet_of(self.north)
        euros = self._wallet_of(self.north, currency_id=self.euro.id, rate_plan_id=self.euro_plan.id)
        self._wallet_of(self.north)
        with self._on("2026-10-05"):
            self._fund(dollars, "100", by="topup")
        self._use(dollars, "2026-10-06", 100)
        self._use(dollars, "2026-10-20", 200)
        self._credit(dollars, "2026-11-03", "0.5")
        self._use(dollars, "2026-11-04", 400)
        with self._on("2026-11-05"):
            dollars.create_topup("40")
        self._credit(euros, "2026-10-02", "20")
        self._use(euros, "2026-11-10", 100)
        return dollars, euros

    def test_each_currency_has_its_own_figures_against_the_same_days_of_last_month(self):
        self._a_month()
        answer = self._overview()
        dollars, euros = answer["money"]
        self.assertEqual((dollars["currency"]["name"], euros["currency"]["name"]), ("USD", "EUR"))
        self.assertEqual((dollars["wallets"], euros["wallets"], answer["wallets"]), (2, 1, 3))
        # 100 - 1.25 - 2.50 + 0.50 - 5.00; 20 - 2.
        self.assertEqual((float(dollars["owed"]), float(euros["owed"])), (91.75, 18))
        # The 20th of October is after the 17th: it is in neither stretch.
        self.assertEqual(self._plain(dollars["used"]), (5, 1.25))
        self.assertEqual(self._plain(euros["used"]), (2, 0))
        # 5.00 - 0.50. Of the euros, 20 were given in October for which nothing was used.
        self.assertEqual(self._plain(dollars["income"]), (4.5, 1.25))
        self.assertEqual(self._plain(euros["income"]), (2, -20))
        self.assertEqual(self._plain(dollars["received"]), (0, 100))
        self.assertEqual((float(dollars["awaited"]["amount"]), dollars["awaited"]["count"]), (40, 1))
        self.assertEqual((float(euros["awaited"]["amount"]), euros["awaited"]["count"]), (0, 0))
        self.assertEqual((dollars["spend"]["days"][0], dollars["spend"]["days"][-1]), ("2026-10-19", "2026-11-17"))
        live = next(series for series in dollars["spend"]["series"] if series["type"] == "live")
        # 19 October is the first of the 30 days; the 20th the second, 4 November the 17th.
        self.assertEqual([float(live["amounts"][at]) for at in (0, 1, 16)], [0, 2.5, 5])

    def test_it_is_of_the_companies_that_are_chosen(self):
        self._a_month()
        other = self._wallet_of(self.south)
        self._credit(other, "2026-11-01", "7")
        owed = {
            companies: float(self._overview(*companies)["money"][0]["owed"])
            for companies in ((self.north,), (self.south,), (self.north, self.south))
        }
        self.assertEqual(list(owed.values()), [91.75, 7, 98.75])

    def test_what_customers_owe_is_told_apart(self):
        """A balance below zero does not make what is owed to others less."""
        first, second = self._wallet_of(self.north), self._wallet_of(self.north)
        self._credit(first, "2026-11-01", "10")
        self._credit(second, "2026-11-01", "1")
        self._use(second, "2026-11-02", 100)
        [dollars] = self._overview()["money"]
        # 1 - 1.25.
        self.assertEqual((float(dollars["owed"]), float(dollars["overdrawn"])), (10, 0.25))

    def test_each_wallet_has_its_own_month(self):
        """On 30 November at 12:00 UTC it is December on Kiritimati, and a call then is of this month for it."""
        here, there = self._wallet_of(self.north), self._wallet_of(self.north, tz="Pacific/Kiritimati")
        for wallet in (here, there):
            self._credit(wallet, "2026-10-01", "50")
            self._use(wallet, "2026-11-20", 100)
            self._use(wallet, "2026-11-30", 400)
        [dollars] = self._overview(day="2026-11-30")["money"]
        # Here 1.25 and 5.00 are of November; there 5.00 is of 1 December, and 1 November was without calls.
        self.assertEqual(self._plain(dollars["used"]), (11.25, 0))

    def test_a_shorter_month_before_is_compared_up_to_its_last_day(self):
        wallet = self._wallet_of(self.north)
        self._credit(wallet, "2026-09-01", "50")
        self._use(wallet, "2026-09-30", 100)
        self._use(wallet, "2026-10-31", 200)
        [dollars] = self._overview(day="2026-10-31")["money"]
        self.assertEqual(self._plain(dollars["used"]), (2.5, 1.25))


class TestOverviewRisks(OverviewCommon):
    def setUp(self):
        super().setUp()
        # 1 - 1.25; 5 of a threshold of 10; 48 - 28 used in the last week = 20, at 4 a day 5 days more.
        self.used_up, self.low, self.soon = (self._wallet_of(self.north) for _each in range(3))
        self._credit(self.used_up, "2026-11-01", "1")
        self._use(self.used_up, "2026-11-02", 100)
        self._credit(self.low, "2026-11-01", "5")
        self._credit(self.soon, "2026-11-01", "48")
        for day in ("2026-11-12", "2026-11-14"):
            self._use(self.soon, day, 1120)
        # Enough; never funded; not set up; closed.
        self._credit(self._wallet_of(self.north), "2026-11-01", "1000")
        self._wallet_of(self.north)
        self._wallet_of(self.north, recipients=())
        closed = self._wallet_of(self.north)
        self._credit(closed, "2026-11-01", "1")
        self._archive(closed)

    def test_wallets_at_risk_those_that_call_first(self):
        risks = self._overview()["risks"]
        self.assertEqual(risks["counts"], {"used_up": 1, "running_low": 1, "runs_out_soon": 1, "auto_topup_stopped": 0})
        # The first has not called for a week.
        self.assertEqual([risk["id"] for risk in risks["wallets"]], [self.soon.id, self.used_up.id, self.low.id])
        self.assertEqual([risk["risk"] for risk in risks["wallets"]], ["runs_out_soon", "used_up", "running_low"])
        soon = risks["wallets"][0]
        # 17 November and 20 / (28 / 7) = 5 days.
        self.assertEqual((soon["runs_out_on"], float(soon["available"])), ("2026-11-22", 20))

    def test_the_list_s_filters_find_the_same_wallets(self):
        wallets = self.env["call.wallet"].search([("company_id", "=", self.north.id)])
        domains = {
            "used_up": [("is_set_up", "=", True), ("last_sequence", ">", 0), ("alert_level", "=", 2)],
            "running_low": [("is_set_up", "=", True), ("last_sequence", ">", 0), ("alert_level", "=", 1)],
        }
        found = {name: wallets.filtered_domain(domain) for name, domain in domains.items()}
        self.assertEqual(found, {"used_up": self.used_up, "running_low": self.low})
        with self._on(self.TODAY):
            self.env.invalidate_all()
            self.assertEqual(self.soon.runs_out_on, date(2026, 11, 22))
            for operator, day, expected in (
                ("<=", "2026-11-22", self.soon),
                ("<", "2026-11-22", self.soon.browse()),
                (">=", "2026-11-22", self.soon),
                (">", "2026-11-22", self.soon.browse()),
            ):
                with self.subTest(operator):
                    domain = [("company_id", "=", self.north.id), ("runs_out_on", operator, day)]
                    self.assertEqual(wallets.search(domain), expected)

    def test_a_top_up_that_waits_can_be_sent_by_finance(self):
        with self._on("2026-11-15"):
            topup = self.low.create_topup("40")
        offered = {
            user.login: {risk["id"]: risk["topup"] for risk in self._overview(user=user)["risks"]["wallets"]}
            for user in (self.finance, self.manager)
        }
        self.assertEqual(
            offered["overview.finance"], {self.soon.id: False, self.used_up.id: False, self.low.id: topup.id}
        )
        self.assertEqual(set(offered["overview.manager"].values()), {False})
        self.assertEqual(topup.with_user(self.finance).action_send_invoice()["res_model"], "account.move.send.wizard")

    def test_an_automatic_top_up_that_stopped_is_a_risk_whatever_the_balance(self):
        rich = self._wallet_of(self.north)
        self._credit(rich, "2026-11-01", "1000")
        rich.write({"auto_topup_state": "suspended", "auto_topup_reason": "declined"})
        risks = self._overview()["risks"]
        self.assertEqual(risks["counts"]["auto_topup_stopped"], 1)
        [risk] = [risk for risk in risks["wallets"] if risk["id"] == rich.id]
        self.assertEqual((risk["is_stopped"], risk["risk"]), (True, False))


class TestOverviewWork(OverviewCommon):
    def _work(self, **options):
        return {queue["name"]: queue["count"] for queue in self._overview(**options)["work"]}

    def test_what_waits_is_counted_where_the_user_may_see_it(self):
        wallet = self._wallet_of(self.north)
        self._credit(wallet, "2026-11-01", "10")
        with self._on("2026-11-02"):
            self._record(self._call(account=wallet.account_ref, number="+99912345678"))
            wallet.with_user(self.finance).request_refund("5", "Bad line")
        work = self._work()
        self.assertEqual(list(work), ["waiting", "rejected", "sources", "refunds", "disputes", "transfers"])
        # The rejected call and the refund wait in the one list, too.
        self.assertEqual((work["waiting"], work["rejected"], work["refunds"]), (2, 1, 1))
        self.assertEqual((work["disputes"], work["transfers"]), (0, 0))

    def test_the_menus_are_told_the_same_work(self):
        wallet = self._wallet_of(self.north)
        self._credit(wallet, "2026-11-01", "10")
        with self._on("2026-11-02"):
            self._record(self._call(account=wallet.account_ref, number="+99912345678"))
        asked = self.env["call.wallet.overview"].with_context(allowed_company_ids=self.north.ids)
        work = asked.with_user(self.finance).work()
        self.assertEqual(work, self._overview()["work"])
        counts = {queue["menu"]: queue["count"] for queue in work}
        self.assertEqual((counts["call_wallet.menu_call_usage_rejection"], len(counts)), (1, 6))
        for menu in counts:
            self.assertEqual(self.env.ref(menu)._name, "ir.ui.menu")
        self.assertEqual(asked.with_user(self.manager).work(), [])
        with self.assertRaises(AccessError):
            asked.with_user(self._make_user("overview.employee", "base.group_user")).work()

    def test_a_counter_is_how_many_rows_its_list_opens_from_the_menu_and_from_the_overview(self):
        wallet = self._wallet_of(self.north)
        self._credit(wallet, "2026-11-01", "10")
        self._record(self._call(account=wallet.account_ref, number="+99912345678"))
        wallet.with_user(self.finance).request_refund("5", "Bad line")
        self._receive_transfers(wallet.partner_id)
        self._hear_of_calls()
        work = self._work_of_now()
        self.assertEqual((work["transfers"]["count"], work["sources"]["count"]), (2, 2))
        self.assertEqual(work["rejected"]["count"], 1)
        for queue in work.values():
            action = self.env.ref(queue["action"])
            asked = self.env[action.res_model].with_user(self.finance)
            asked = asked.with_context(allowed_company_ids=self.north.ids)
            context = demo_menus.evaluate(asked.env, action.context or "{}")
            of_menu = {name.removeprefix("search_default_") for name in context if name.startswith("search_default_")}
            with self.subTest(queue=queue["name"]):
                self.assertEqual(of_menu, set(queue["filters"]))
                self.assertEqual(demo_menus.count(asked.env, action), queue["count"])

    def _work_of_now(self):
        self.env.flush_all()
        overview = self.env["call.wallet.overview"].with_user(self.finance)
        return {queue["name"]: queue for queue in overview.with_context(allowed_company_ids=self.north.ids).work()}

    def _receive_transfers(self, customer):
        """One of the customer's, one of nobody known, one of somebody else, and one that was sent."""
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.north.id)], limit=1
        )
        stranger = self.env["res.partner"].create({"name": "Nobody's customer", "is_company": True})
        for amount, sender in ((41, customer), (42, customer.browse()), (43, stranger), (-44, customer)):
            self.env["account.bank.statement.line"].with_company(self.north).create(
                {
                    "journal_id": journal.id,
                    "amount": amount,
                    "partner_id": sender.id,
                    "payment_ref": "Thank you",
                    "date": "2026-11-10",
                }
            )

    def _hear_of_calls(self):
        """One without a wallet, one that cannot be used, one that was rejected, and one that goes on."""
        source = self.env["call.source"].create({"name": "Exchange", "kind": "freeswitch", "company_id": self.north.id})
        now = datetime(2026, 11, 10)
        for state in ("unassigned", "unusable", "rejected", "open"):
            self.env["call.source.call"].create(
                {"source_id": source.id, "ref": state, "state": state, "first_at": now, "last_at": now}
            )

    def test_an_account_manager_sees_no_figure_of_finance(self):
        wallet = self._wallet_of(self.north)
        self._credit(wallet, "2026-11-01", "10")
        answer = self._overview(user=self.manager)
        self.assertEqual((answer["work"], answer["set_up"], answer["is_finance"]), ([], [], False))
        self.assertEqual(set(answer["money"][0]), {"currency", "wallets", "used", "received", "awaited", "spend"})
        with self.assertRaises(AccessError):
            self.env["call.wallet.overview"].with_user(self.manager).books()


class TestOverviewBooks(OverviewCommon):
    def setUp(self):
        super().setUp()
        self.customer = self._wallet_of(self.north)
        with self._on("2026-11-10"):
            self._fund(self.customer, "100", by="topup")
        self._use(self.customer, "2026-11-12", 400)

    def test_the_light_of_the_posting(self):
        # Used on the 12th; on the 17th four finished days later nothing was posted.
        [book] = self._books()
        self.assertEqual(book["posting"], {"state": "behind", "day": "2026-11-11"})
        # In the night after it, it is due and not late.
        [book] = self._books(day="2026-11-13")
        self.assertEqual(book["posting"], {"state": "due", "day": "2026-11-11"})
        with self._on(self.TODAY):
            self.env["call.wallet"].post_transactions(None, "2026-11-16", self.north)
        [book] = self._books()
        self.assertEqual(book["posting"], {"state": "done", "day": "2026-11-16"})

    def test_the_light_of_the_reconciliation(self):
        [book] = self._books()
        self.assertEqual(book["reconciliation"], {"day": "2026-11-16", "wallets": 1, "differing": 0, "unfunded": 0})
        deposits = self.north._call_wallet_deposit_account()
        income = self.env["account.account"].search(
            [("account_type", "=", "income"), ("company_ids", "in", self.north.id)], limit=1
        )
        partner = self.customer.partner_id.id
        self.env["account.move"].with_company(self.north).create(
            {
                "move_type": "entry",
                "company_id": self.north.id,
                "date": "2026-11-13",
                "line_ids": [
                    Command.create({"account_id": deposits.id, "partner_id": partner, "credit": 7}),
                    Command.create({"account_id": income.id, "debit": 7}),
                ],
            }
        ).action_post()
        [book] = self._books()
        self.assertEqual(book["reconciliation"]["differing"], 1)

    def test_a_company_without_wallets_has_no_lights(self):
        self.assertEqual(self._books(self.south), [])


class TestOverviewSetUp(OverviewCommon):
    def test_the_checklist_of_a_new_company_goes_away_step_by_step(self):
        self.env["payment.provider"].search([("company_id", "=", self.north.id)]).unlink()
        chief = self._make_user("overview.chief", "finance_manager")
        chief.company_ids += self.north

        def open_steps():
            return [step["name"] for step in self._overview(user=chief)["set_up"] if not step["is_done"]]

        # The plans of the tests are for all companies, and the demo's platform has its key.
        self.assertEqual(self._overview(user=chief)["money"], [])
        self.assertEqual([name for name in open_steps() if name != "platform"], ["payments", "wallet", "funds", "call"])
        wallet = self._wallet_of(self.north)
        self.assertNotIn("wallet", open_steps())
        with self._on("2026-11-10"):
            self._fund(wallet, "100", by="topup")
        self.assertEqual([name for name in open_steps() if name != "platform"], ["call"])
        self._use(wallet, "2026-11-11", 1)
        self.assertEqual(self._overview(user=chief)["set_up"], [])

    def test_who_may_not_do_a_step_gets_no_button_for_it(self):
        steps = {step["name"]: step["action"] for step in self._overview()["set_up"]}
        self.assertEqual((steps["accounts"], steps["payments"]), (False, False))
        self.assertEqual(steps["wallet"], "call_wallet.action_call_wallet_create")


class TestOverviewIsLive(OverviewCommon):
    def setUp(self):
        super().setUp()
        self.env["call.wallet.watch"].search([]).unlink()
        self.env.cr.precommit.run()
        call_wallet_watch._told.clear()

    def _sent(self):
        """How many messages to open overviews a commit now would send."""
        before = self.env["bus.bus"].sudo().search([], order="id desc", limit=1).id or 0
        self.env.cr.precommit.run()
        messages = [json.loads(row.message) for row in self.env["bus.bus"].sudo().search([("id", ">", before)])]
        return [message["type"] for message in messages].count("call_wallet/overview")

    def test_nobody_looks_nobody_is_told(self):
        self._record(self._call())
        self.assertEqual(self._sent(), 0)

    def test_whoever_looks_is_told_of_any_wallet_once_in_some_seconds(self):
        self.env["call.wallet.overview"].with_user(self.manager).watch()
        self._record(self._call())
        self.assertEqual(self._sent(), 1)
        other = self._make_wallet()
        self._record(self._call(account=other.account_ref))
        self.assertEqual(self._sent(), 0, "told twice within seconds")

    def test_one_watch_however_many_look(self):
        for user in (self.manager, self.finance, self.manager):
            self.env["call.wallet.overview"].with_user(user).watch()
        self.assertEqual(len(self.env["call.wallet.watch"].search([("wallet_id", "=", False)])), 1)


class TestOverviewScreen(BackendCommon):
    # The app opens as by a click on its icon.
    OPEN_APP = """
        const services = odoo.__WOWL_DEBUG__.root.env.services;
        const app = services.menu.getApps().find(({ xmlid }) => xmlid === "call_wallet.menu_call_wallet_root");
        await services.menu.selectMenu(app);
        await see("the figures", () => $(".o_call_wallet_overview [data-card=used]"));
    """

    def setUp(self):
        super().setUp()
        self._spend()
        self._record(self._call(number="+99912345678", call_ref="nowhere"))

    def test_the_app_opens_with_it_and_a_queue_leads_to_its_list(self):
        self._on(
            "/odoo",
            f"""
            {self.OPEN_APP}
            await seeText(".breadcrumb, .o_breadcrumb", "Overview");
            await see("what is owed", () => $("[data-card=owed]"));
            await seeText(".o_call_wallet_books", "Wallets and general ledger");
            await click("[data-queue=rejected]");
            await see("the list", () => $(".o_list_view"));
            await seeText(".o_searchview", "Open");
            await seeText(".o_list_view", "nowhere");
            await click(".o_breadcrumb .breadcrumb-item a, .o_back_button");
            await see("the figures again", () => $("[data-card=owed]"));
            """,
        )

    def test_a_figure_many_times_as_large_as_before_is_no_percentage(self):
        company = self.env["res.company"].create({"name": "North"})
        user = self._make_user("screens.north", "finance")
        user.write({"lang": "en_US", "company_id": company.id, "company_ids": [Command.set(company.ids)]})
        wallet = self._make_wallet(company_id=company.id)
        with recorded_at((utcnow().replace(day=1) - timedelta(days=1)).replace(day=1)):
            wallet.refund("10", "Goodwill")
            self._record(self._call(account=wallet.account_ref, duration_seconds=60))
        self._record(self._call(account=wallet.account_ref, duration_seconds=60 * 18))
        self._on(
            "/odoo/call-wallet-overview",
            """
            // 18 minutes and 1, at 0.0125.
            await seeText("[data-card=used] [data-currency=USD]", "18 times as much as before ($ 0.01)");
            """,
            login="screens.north",
        )

    def test_a_charge_is_seen_without_a_reload(self):
        call = self._call(call_ref="seen-live", duration_seconds=6000)
        call_wallet_watch._told.clear()
        self._on(
            "/odoo/call-wallet-overview",
            f"""
            await see("the figures", () => $("[data-card=used]"));
            const bus = odoo.__WOWL_DEBUG__.root.env.services.bus_service;
            await see("the connection", () => bus.workerState === "CONNECTED");
            await see("the watch", () =>
                performance.getEntriesByType("resource").some((one) => one.name.endsWith("/watch"))
            );
            const figure = () => text("[data-card=used] [data-currency=USD] .o_call_wallet_figure");
            const before = figure();
            window.notReloaded = true;
            await ask("call.usage", "record_calls", [[{json.dumps(call)}]]);
            await see("the figure has changed", () => figure() !== before);
            if (!window.notReloaded) {{ throw new Error("The page was reloaded"); }}
            """,
        )

    def test_calls_in_progress_come_and_go_in_an_open_list(self):
        """What was chosen and filtered stays: the call that goes on is chosen, the one that ends is gone."""
        ends, stays = self._call(call_ref="ends-soon"), self._call(call_ref="goes-on")
        for call in (ends, stays):
            asked = self.env["call.wallet"].authorize_call(call["account"], call["call_ref"], "live", call["number"])
            self.assertTrue(asked["allowed"], asked)
        call_wallet_watch._told.clear()
        self._on(
            "/odoo/call-wallet-holds",
            f"""
            const rows = () => [...document.querySelectorAll(".o_data_row")];
            const row = (ref) => rows().find((one) => one.innerText.includes(ref));
            await see("both calls", () => row("ends-soon") && row("goes-on"));
            row("goes-on").querySelector("input[type=checkbox]").click();
            await see("one is chosen", () => row("goes-on").classList.contains("o_data_row_selected"));
            const bus = odoo.__WOWL_DEBUG__.root.env.services.bus_service;
            await see("the connection", () => bus.workerState === "CONNECTED");
            await see("the watch", () =>
                performance.getEntriesByType("resource").some((one) => one.name.endsWith("/watch"))
            );
            await ask("call.usage", "record_calls", [[{json.dumps(ends)}]]);
            await see("the call has gone", () => !row("ends-soon") && row("goes-on"));
            await see("the other is chosen still", () => row("goes-on").classList.contains("o_data_row_selected"));
            """,
        )

    def test_wallets_at_risk_have_their_remedies(self):
        wallet = self._make_wallet()
        self._fund(wallet, "1")
        self._record(self._call(account=wallet.account_ref, duration_seconds=6000))
        row = f"[data-wallet='{wallet.id}']"
        self._on(
            "/odoo/call-wallet-overview",
            f"""
            await seeText("{row}", "Used up");
            await click("{row} .o_call_wallet_add");
            await seeText(".modal", "Add Balance");
            await click(".modal-header .btn-close");
            await click("[data-risk=used_up]");
            await see("the list", () => $(".o_list_view"));
            await seeText(".o_searchview", "Used Up");
            await seeText(".o_list_view", "{wallet.account_ref}");
            """,
        )

    def test_menus_say_how_much_waits_and_other_apps_ask_nothing(self):
        asked = """
            const asked = () => performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/work"));
        """
        self._on(
            "/odoo/call-usage",
            f"""
            {asked}
            const calls = ".o_menu_sections [data-menu-xmlid='call_wallet.menu_call_usage_root']";
            await see("a mark that work waits", () => $(calls + " .o_call_wallet_menu_mark"));
            await click(calls);
            const rejected = "[data-menu-xmlid='call_wallet.menu_call_usage_rejection']";
            await seeText(rejected, "(1 waiting)");
            await seeText(rejected + " .badge", "1");
            missing("[data-menu-xmlid='call_wallet.menu_call_usage'] .badge");
            await click(rejected);
            await seeText(".o_list_view", "nowhere");
            if (asked().length !== 1) {{ throw new Error("Asked so many times: " + asked().length); }}
            // What one has done oneself is seen at once: the number goes with the call that it counts.
            await click(".o_data_row .o_data_cell[name=reason]");
            await click("button[name=action_dismiss]");
            await seeText(".modal", "It stays in the list under Dismissed");
            await click(".modal .btn-primary");
            await seeText(".o_form_view", "Dismissed By");
            await see("no mark any more", () => !$(calls + " .o_call_wallet_menu_mark"));
            await click(calls);
            await see("the menu", () => $(rejected));
            missing(rejected + " .badge");
            """,
        )
        self._on(
            "/odoo/apps",
            f"""
            {asked}
            await see("the apps", () => $(".o_menu_sections"));
            await new Promise((resolve) => setTimeout(resolve, 500));
            missing(".o_call_wallet_menu_mark, .o_call_wallet_menu_count");
            if (asked().length) {{ throw new Error("Asked in another app"); }}
            """,
            login="admin",
        )

    def test_account_managers_see_it_without_what_is_finance_s(self):
        self._on(
            "/odoo",
            f"""
            {self.OPEN_APP}
            ["[data-card=owed]", "[data-card=income]", ".o_call_wallet_work", ".o_call_wallet_books"].forEach(missing);
            """,
            login="screens.manager",
        )


class TestOverviewOnAPhone(TestOverviewScreen):
    browser_size = PHONE
    touch_enabled = True
    test_a_charge_is_seen_without_a_reload = None
    test_a_figure_many_times_as_large_as_before_is_no_percentage = None

    test_menus_say_how_much_waits_and_other_apps_ask_nothing = None

    def test_the_phone_s_menu_opens_with_its_numbers(self):
        self._on(
            "/odoo/call-usage",
            """
            await click(".o_menu_toggle");
            const rejected = ".o_app_menu_sidebar li[data-menu-xmlid='call_wallet.menu_call_usage_rejection']";
            await seeText(rejected, "Rejected");
            await seeText(rejected + " .badge", "1");
            // It has slid in, all of it.
            await see("the menu", () => {
                const { left, right } = $(".o_app_menu_sidebar").getBoundingClientRect();
                return Math.round(left) === 0 && right > 200;
            });
            await click(rejected);
            await seeText(".o_kanban_view", "nowhere");
            await see("the menu has gone", () => !$(".o_app_menu_sidebar"));
            """,
        )

    test_account_managers_see_it_without_what_is_finance_s = None
    test_calls_in_progress_come_and_go_in_an_open_list = None
    test_wallets_at_risk_have_their_remedies = None

    def test_the_app_opens_with_it_and_a_queue_leads_to_its_list(self):
        self._on(
            "/odoo",
            f"""
            {self.OPEN_APP}
            narrow();
            for (const panel of document.querySelectorAll(".o_call_wallet_box")) {{
                const {{ left, right }} = panel.getBoundingClientRect();
                if (left < 0 || right > window.innerWidth) {{
                    throw new Error("Wider than the phone: " + panel.innerText);
                }}
            }}
            await click("[data-queue=rejected]");
            await see("the cards", () => $(".o_kanban_view"));
            await seeText(".o_kanban_view", "nowhere");
            """,
        )
