"""What finance does on a telephone: lists of theirs are cards there, and nothing is wider than the screen."""

from .browser import PHONE
from .test_backend_screens import BackendCommon


class TestOfficeOnAPhone(BackendCommon):
    browser_size = PHONE
    touch_enabled = True

    def _receive(self, text):
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        self.env["account.bank.statement.line"].create(
            {"journal_id": journal.id, "amount": 41.5, "payment_ref": text, "date": "2026-11-20"}
        )

    def test_transfers_are_cards_that_say_why_they_are_there(self):
        self._receive("Thank you for the calls")
        self._on(
            "/odoo/call-wallet-transfers",
            """
            const card = await see("the card", () =>
                [...document.querySelectorAll(".o_kanban_record")].find((one) => one.innerText.includes("Thank you"))
            );
            if (!/41.50/.test(card.innerText) || !card.innerText.includes("its sender is not known")) {
                throw new Error("Not told: " + card.innerText);
            }
            await see("the button", () => $("button:is([name], [data-tooltip], .btn)"));
            narrow();
            """,
        )

    def test_what_else_finance_opens_there_is_cards(self):
        paths = ["call-wallet-returns", "call-wallet-invoices", "call-rerating", "call-wallet-waiting"]
        for path in paths:
            with self.subTest(path=path):
                self._on(
                    f"/odoo/{path}",
                    """
                    await see("cards", () => $(".o_kanban_view"));
                    narrow();
                    """,
                )
