"""The page of the rate import in a real browser: each of its steps, on a desk and on a phone."""

import json

from odoo.tests import tagged

from .browser import DESKTOP, INSPECT, PHONE, BrowserCase, axe_source
from .rate_case import RateCase

# What axe looks at: the page of the import, but for the web client's own menus, choices and labels in it.
WHOLE_PAGE = 'exclude: [["#wrapwrap > header"], ["#wrapwrap > footer"]]'
ODOO_S = '[".o-dropdown"], [".o_select_menu_input"], [".o_form_label"]'
OURS = f'include: [[".o_call_wallet_rate_import"]], exclude: [{ODOO_S}]'


@tagged("post_install", "-at_install")
class TestRateImportScreen(BrowserCase, RateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance.lang = "en_US"

    def _steps(self):
        """Return {step: import}: one at each step of the page, with what each may show."""
        columns = self._begin("Country;Codes;Rate;Comment\nRussia;7;0,05;x\n")
        columns.action_continue()
        return {
            "choose": self._begin("prefix,price_per_minute\n7,0.05\n"),
            "columns": columns,
            "faulty": self._import("7,Russia,x,60,0,0", "1,USA,0.02,60,0,0"),
            "previewed": self._import(
                "1,USA,0.5,60,0,0.05", "1416,Toronto,0.03,6,30,0.01", ",Elsewhere,0.9,60,0,0", close_missing=True
            ),
            "applied": self._applied(),
        }

    def _applied(self):
        wizard = self._import("61,Australia,0.02,60,0,0.05")
        wizard.action_apply()
        return wizard

    def _walk(self, size):
        steps = {step: wizard.id for step, wizard in self._steps().items()}
        self._on(
            "/odoo/call-rate-imports",
            f"""
            const axeSource = {json.dumps(axe_source())};
            {INSPECT.replace(WHOLE_PAGE, OURS)}
            const {{ action }} = (await see("the web client", () => odoo.__WOWL_DEBUG__)).root.env.services;
            const findings = [];
            for (const [step, res_id] of Object.entries({json.dumps(steps)})) {{
                const form = {{ type: "ir.actions.act_window", res_model: "call.rate.import", res_id }};
                await action.doAction({{ ...form, views: [[false, "form"]] }}, {{ clearBreadcrumbs: true }});
                await see(step, () => $(".o_call_wallet_rate_import"));
                await see("its state", () => $(".o_call_wallet_rate_import .o_form_sheet"));
                missing(".o_error_dialog");
                if (step === "faulty") {{ await seeText(".alert-danger", "imported by itself"); }}
                if (step === "previewed") {{
                    await seeText("[name=sums]", "Connection fees: 1 up");
                    await seeText("[name=sample_ids]", "Minimum (s): 30");
                    await seeText("[name=warnings]", "whole price list");
                    const lines = [...document.querySelectorAll(".o_data_row [name=line]")];
                    if (lines.some((cell) => cell.innerText.trim() === "0")) {{ throw new Error("A line 0"); }}
                }}
                findings.push(...(await inspect()).map((line) => `${{step}}: ${{line}}`));
            }}
            if (findings.length) {{ throw new Error("Not accessible: " + findings.join(" | ")); }}
            """,
            login="rates.finance",
            size=size,
            timeout=120,
        )

    def test_every_step_is_usable_by_everybody_on_a_desk(self):
        self._walk(DESKTOP)

    def test_every_step_is_usable_by_everybody_on_a_phone(self):
        self._walk(PHONE)

    def test_a_template_is_downloaded_whatever_stands_for_the_plan(self):
        self.authenticate("rates.finance", "rates.finance")
        for plan_id in ("", "0", "9" * 10, "9" * 300, "9" * 5_000, "²", "-1", "x", str(2**31 - 1)):
            with self.subTest(plan_id=plan_id[:20]):
                answer = self.url_open(f"/call_wallet/rate_import/template?plan_id={plan_id}")
                self.assertEqual(answer.status_code, 200)
                self.assertNotIn("USD", answer.text)
        self.assertIn("(USD)", self.url_open(f"/call_wallet/rate_import/template?plan_id={self.plan.id}").text)
