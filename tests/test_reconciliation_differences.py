"""What does not agree: every difference between the two ledgers is shown, and where it comes from."""

from .reconciliation_case import ReconciliationCommon


class TestReconciliationDifferences(ReconciliationCommon):
    def test_a_changed_posting_is_found(self):
        self._top_up("2026-10-05", "100")
        self._use("2026-10-06", 480)
        [move] = self._post("2026-10-06", "2026-10-06")
        item = self._deposit_item(move)
        self.env.cr.execute("UPDATE account_move_line SET amount_currency = 0.11 WHERE id = %s", [item.id])
        self.assertFigures("2026-10-31", closing="99.9", not_posted=0, remainder=0, unexplained="-0.01")
        self.assertEqual(self._open("unexplained", "2026-10-31"), move)

    def test_a_posting_with_the_wrong_wallet_is_found(self):
        other = self._make_wallet()
        self._top_up("2026-10-05", "100")
        self._use("2026-10-06", 480)
        [move] = self._post("2026-10-06", "2026-10-06")
        item = self._deposit_item(move)
        self.env.cr.execute("UPDATE account_move_line SET call_wallet_id = %s WHERE id = %s", [other.id, item.id])
        self.assertFigures("2026-10-31", unexplained="0.1")
        self.assertFigures("2026-10-31", other, unexplained="-0.1")

    def test_a_transaction_noted_as_posted_that_is_not(self):
        topup = self._top_up("2026-10-05", "100")
        call = self._use("2026-10-06", 480)
        self.env.cr.execute(
            "UPDATE call_wallet_transaction SET move_id = %s WHERE id = %s", [topup.invoice_id.id, call["transaction"]]
        )
        self.assertFigures("2026-10-31", closing="99.9", general_ledger=100, not_posted=0, unexplained="0.1")

    # === WHAT IS WRONG IS SHOWN === #

    def test_an_accountants_entry_with_the_customer(self):
        self._top_up("2026-10-05", "100")
        entry = self._enter("2026-10-10", 7, self.partner)
        self.assertFigures("2026-10-09", unexplained=0)
        self.assertFigures("2026-10-10", general_ledger=107, unexplained=7)
        self.assertEqual(self._open("unexplained", "2026-10-31"), entry)

    def test_the_nightly_check_notices(self):
        self._top_up("2026-10-05", "100")
        self.assertSound(self.wallet)
        self._enter("2026-10-10", 7, self.partner)
        self.assertEqual(
            self.env["call.wallet"].check_invariants(self.wallet),
            [f"accounting: {self.wallet.account_ref}: unexplained 7.000000"],
        )

    def test_an_entry_on_a_contact_of_the_customer(self):
        contact = self.env["res.partner"].create({"name": "Bill", "parent_id": self.partner.id})
        self._enter("2026-10-10", 7, contact)
        self.assertFigures("2026-10-31", unexplained=7)

    def test_an_entry_on_another_wallets_customer(self):
        other = self._make_wallet()
        self._top_up("2026-10-05", "100")
        self._enter("2026-10-10", 7, other.partner_id)
        self.assertFigures("2026-10-31", unexplained=0)
        self.assertFigures("2026-10-31", other, general_ledger=7, unexplained=7)

    def test_an_entry_of_nobody_is_not_assigned(self):
        before = self._loose("2026-10-31")
        entry = self._enter("2026-10-10", 7)
        self.assertFigures("2026-10-31", general_ledger=0, unexplained=0)
        self.assertEqual(self._loose("2026-10-31") - before, 7)
        self.assertEqual(self._loose("2026-10-09"), before)
        action = self.env["call.wallet"].open_unassigned("2026-10-31", self.company.id, self.dollar.id)
        items = self.env["account.move.line"].search(action["domain"])
        self.assertIn(entry, items.move_id)

    def test_an_entry_in_a_currency_without_a_wallet_is_not_assigned(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self._enter("2026-10-10", 7, self.partner, currency_id=euro.id, amount_currency=-5)
        self.assertFigures("2026-10-31", general_ledger=0, unexplained=0)
        rows = self.env["call.wallet"].reconciliation_unassigned("2026-10-31", self.company)
        self.assertIn((euro.id, "5.000000"), [(row["currency"], row["general_ledger"]) for row in rows])

    def test_an_invoice_booked_elsewhere(self):
        topup = self._top_up("2026-10-05", "100")
        topup.invoice_id.button_draft()
        topup.invoice_id.invoice_line_ids.account_id = self.income
        topup.invoice_id.action_post()
        self.assertFigures("2026-12-31", closing=100, general_ledger=0, unexplained=-100)
        self.assertEqual(self._open("unexplained", "2026-12-31"), topup.invoice_id)

    def test_an_item_changed_behind_accountings_back(self):
        topup = self._top_up("2026-10-05", "100")
        item = topup.invoice_id.line_ids.filtered(lambda line: line.account_id == self.deposits)
        self.env.cr.execute("UPDATE account_move_line SET amount_currency = -99.99 WHERE id = %s", [item.id])
        self.assertFigures("2026-10-31", general_ledger="99.99", unexplained="-0.01")

    def test_another_deposit_account(self):
        self._top_up("2026-10-05", "100")
        account = self.deposits.copy({"name": "New deposits"})
        self.company.call_wallet_deposit_account_id = account
        self._top_up("2026-11-05", "50")
        self.assertFigures("2026-11-30", closing=150, general_ledger=150, unexplained=0)
        self.assertFigures("2026-10-31", closing=100, general_ledger=100, unexplained=0)
