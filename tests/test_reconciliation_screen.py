"""The reconciliation's screen, in a real browser."""

from datetime import timedelta

from odoo.addons.call_wallet.demo.cases import DECIDED
from odoo.addons.call_wallet.demo.moved import Moved

from .reconciliation_case import ReconciliationCommon
from .test_backend_screens import BackendCommon


class TestReconciliationScreen(BackendCommon, ReconciliationCommon):
    def setUp(self):
        super().setUp()
        # The demo's write-off waits for a decision, and the verdict would say so before anything else.
        with self._at(Moved(self.env)(DECIDED).date()):
            self.env.ref("call_wallet.demo_wallet_tyrell").topup_ids.release_unfunded("Decided")

    def _last_month(self, day):
        """A day of last month, which the screen opens with."""
        end = self.company._call_wallet_today().replace(day=1) - timedelta(days=1)
        return str(end.replace(day=day))

    def _cell(self, figure):
        return f"tr[data-wallet='{self.wallet.id}'] [data-figure={figure}]"

    def test_a_difference_is_seen_and_followed_to_its_entry(self):
        self._top_up(self._last_month(5), "100")
        self._use(self._last_month(6), 480)
        entry = self._enter(self._last_month(10), 7, self.partner)
        self._on(
            "/odoo/call-wallet-reconciliation",
            f"""
            const verdict = ".o_call_wallet_verdict";
            await seeText(verdict, "1 does not agree");
            await see("Post Now, though something differs", () => $(`${{verdict}} .o_call_wallet_post_now`));
            missing(".o_call_wallet_not_over");
            const places = [...document.querySelectorAll("[data-figure=closing]")].map(
                (cell) => cell.innerText.split(".")[1].length
            );
            if (new Set(places).size !== 1) {{
                throw new Error("The points do not stand in line: " + places);
            }}
            await click("#call_wallet_only_differences");
            await see("one wallet left", () => document.querySelectorAll("[data-figure=closing]").length === 1);
            await seeText("{self._cell("closing")}", "99.90");
            await seeText("{self._cell("general_ledger")}", "107.00");
            await click("{self._cell("unexplained")} button");
            await seeText(".o_list_view", "{entry.name}");
            await click(".o_breadcrumb .breadcrumb-item a, .o_back_button");
            await see("still the one wallet", () => document.querySelectorAll("[data-figure=closing]").length === 1);
            await click("{self._cell("used")} button");
            await seeText(".o_list_view", "Live Call");
            """,
        )

    def test_what_is_not_posted_is_posted_from_here(self):
        # A click posts for some seconds and leaves the rest to the schedule: the demo's days are out of the way.
        end = self.env["call.wallet.reconciliation"]._last_month_end()
        self.env["call.wallet"].post_transactions(None, end, self.company)
        self._top_up(self._last_month(5), "100")
        self._use(self._last_month(6), 480)
        self._on(
            "/odoo/call-wallet-reconciliation",
            f"""
            await seeText("{self._cell("not_posted")}", "0.10");
            await click(".o_call_wallet_verdict button");
            await seeText(".modal", "Transactions to post");
            await click(".modal footer .btn-primary");
            await seeText(".o_form_view", "Posted");
            await click(".o_breadcrumb .breadcrumb-item a, .o_back_button");
            await seeText("{self._cell("not_posted")}", "0.00");
            await seeText("{self._cell("general_ledger")}", "99.90");
            await see("nothing to post", () => !$(".o_call_wallet_verdict button"));
            """,
        )

    def test_account_managers_see_figures_and_no_entries(self):
        self._top_up(self._last_month(5), "100")
        self._use(self._last_month(6), 480)
        self._on(
            "/odoo/call-wallet-reconciliation",
            f"""
            await seeText("{self._cell("general_ledger")}", "100.00");
            await see("added opens", () => $("{self._cell("added")} button"));
            missing(".o_call_wallet_verdict button");
            missing("{self._cell("general_ledger")} button");
            """,
            login="screens.manager",
        )
