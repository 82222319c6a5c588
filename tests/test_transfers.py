"""Bank transfers: matched by the reference they name, and by nothing else."""

from ast import literal_eval

from odoo.exceptions import AccessError

from .common import CallWalletCommon


class TestTransfers(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.journal = cls.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", cls.company.id)], limit=1
        )
        cls.topup = cls.wallet.create_topup("100")
        cls.invoice = cls.topup.invoice_id

    def _receive(self, amount, text):
        return self.env["account.bank.statement.line"].create(
            {"journal_id": self.journal.id, "amount": amount, "payment_ref": text, "date": "2026-11-20"}
        )

    def _announced(self):
        """The customer has chosen to pay by bank transfer."""
        provider = self.env["payment.provider"].search(
            [("code", "=", "custom"), ("company_id", "=", self.company.id)], limit=1
        )
        wire = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.with_context(active_test=False).payment_method_ids[:1].id,
                "amount": 100,
                "currency_id": self.dollar.id,
                "partner_id": self.partner.id,
                "operation": "online_redirect",
                "invoice_ids": [(6, 0, self.invoice.ids)],
            }
        )
        wire._set_pending()
        return wire

    def _match(self):
        matched = self.env["call.wallet.topup"].match_transfers()
        self.env.invalidate_all()
        return matched

    def test_a_transfer_that_names_the_reference_is_credited_once(self):
        line = self._receive(100, f"ACH CREDIT {self.invoice.payment_reference.lower()} THANK YOU")
        self.assertEqual(self._match(), line)
        self.assertFalse(self._match())
        self.assertBalance(self.wallet, 100)
        self.assertTrue(line.is_reconciled)
        self.assertEqual(self.topup.state, "paid")
        self.assertSound(self.wallet)

    def test_a_match_that_somebody_has_undone_is_not_made_again_by_itself(self):
        line = self._receive(100, self.invoice.payment_reference)
        self._match()
        line.action_undo_reconciliation()
        self.assertBalance(self.wallet, 0)
        self.env["call.wallet.topup"]._cron_match_transfers()
        self.assertBalance(self.wallet, 0)
        self.assertIn("was undone", line.call_wallet_note)
        # A person may ask for it.
        self.assertEqual(self._match(), line)
        self.assertBalance(self.wallet, 100)
        self.assertFalse(line.call_wallet_note)
        self.assertSound(self.wallet)

    def test_a_reference_counts_whatever_the_bank_has_made_of_its_separators(self):
        year, number = self.invoice.name.split("/")[1:]
        for amount, text in (
            (10, f"INV{year}{number}"),
            (20, f"inv.{year} {number}-thanks"),
            (30, f"INV-{year}-{number}"),
        ):
            self._receive(amount, text)
        self.assertEqual(len(self._match()), 3)
        self.assertBalance(self.wallet, 60)

    def test_one_transfer_pays_several_invoices_of_a_customer_where_it_is_their_sum(self):
        second = self.wallet.create_topup("50").invoice_id
        line = self._receive(151, f"{self.invoice.name} {second.name}")
        self.assertFalse(self._match())
        self.assertIn("whose sum is another", line.call_wallet_note)
        self._receive(150, f"{self.invoice.name} {second.name}")
        self.assertEqual(len(self._match()), 1)
        self.assertBalance(self.wallet, 150)

    def test_what_is_left_to_the_accountant_is_told_once(self):
        line = self._receive(200, f"{self.invoice.name} and {self._make_wallet().create_topup('100').invoice_id.name}")
        for _time in range(2):
            self.assertFalse(self._match())
        self.assertIn("several customers", line.call_wallet_note)
        told = self.env["mail.activity"].search([("summary", "like", "A bank transfer was not matched")])
        self.assertEqual(len(told), 1)
        self.assertIn("several customers", told.note)

    def test_a_statement_imported_twice_is_not_credited_twice(self):
        for _time in range(2):
            self._receive(40, self.invoice.name)
        self.assertEqual(len(self._match()), 1)
        self.assertBalance(self.wallet, 40)
        self.assertEqual(self.wallet._outstanding_credit(), 0)

    def test_a_transfer_whose_payment_is_registered_already_is_not_counted_again(self):
        self._pay(self.invoice)
        line = self._receive(100, self.invoice.name)
        self.assertFalse(self._match())
        self.assertIn("registered by hand", line.call_wallet_note)
        self.assertEqual(self.wallet._outstanding_credit(), 0)

    def test_an_announced_wire_that_came_is_done_and_pays_once(self):
        wire = self._announced()
        line = self._receive(100, self.invoice.name)
        self._match()
        # Whatever is still to be processed becomes a payment.
        self.assertEqual((wire.state, wire.is_post_processed), ("done", True))
        # The line is opened again: the transfer is awaited, until it is matched again.
        line.action_undo_reconciliation()
        self.env.invalidate_all()
        self.assertEqual((wire.state, self.wallet.balance), ("pending", 0))
        self._match()
        self.assertEqual((wire.state, wire.is_post_processed), ("done", True))
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self.wallet._outstanding_credit(), 0)

    def test_an_announced_wire_is_not_awaited_for_a_cancelled_invoice(self):
        wire = self._announced()
        self.invoice.button_cancel()
        self.assertEqual(wire.state, "cancel")

    def test_without_a_reference_or_with_two_nothing_is_credited(self):
        other = self._make_wallet().create_topup("100").invoice_id
        self._receive(100, "Payment for calls")
        self._receive(100, f"{self.invoice.name}9")
        self._receive(200, f"{self.invoice.name} and {other.name}")
        self.assertFalse(self._match())
        self.assertBalance(self.wallet, 0)

    def test_less_is_credited_as_a_part_and_the_rest_when_it_comes(self):
        self._receive(40, self.invoice.name)
        self._match()
        self.assertBalance(self.wallet, 40)
        self.assertEqual((self.topup.state, self.topup.missing_amount), ("partial", 60))
        self._receive(60, self.invoice.name)
        self._match()
        self.assertBalance(self.wallet, 100)

    def test_a_surplus_stays_the_customer_s_and_pays_the_next_top_up(self):
        self._receive(130, self.invoice.name)
        self._match()
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self.wallet._outstanding_credit(), 30)
        following = self.wallet.create_topup("50")
        self.assertEqual(following.outstanding_credit, 30)
        self.assertEqual(following.apply_outstanding_credit(), 30)
        self.env.invalidate_all()
        self.assertBalance(self.wallet, 130)
        self.assertEqual(following.missing_amount, 20)
        self.assertEqual(following.apply_outstanding_credit(), 0)
        self.assertSound(self.wallet)

    def test_an_announced_wire_is_closed_when_the_invoice_is_paid_otherwise(self):
        wire = self._announced()
        self.assertBalance(self.wallet, 0)
        self._pay(self.invoice)
        self.assertEqual(wire.state, "cancel")
        self.assertBalance(self.wallet, 100)

    def test_lines_that_concern_no_wallet_are_not_listed_and_the_others_say_why(self):
        stranger = self.env["res.partner"].create({"name": "Nobody's customer", "is_company": True})
        named = self._receive(100, self.invoice.payment_reference)
        unnamed, unknown, foreign = (self._receive(amount, "Thank you") for amount in (41, 42, 43))
        unnamed.partner_id, foreign.partner_id = self.partner, stranger
        self._match()
        self.env.flush_all()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_transfer")
        finance = self._make_user("transfers.finance", "finance")
        lines = self.env["account.bank.statement.line"].with_user(finance)
        listed = lines.search(
            [*literal_eval(action["domain"]), ("id", "in", (named + unnamed + unknown + foreign).ids)]
        )
        self.assertEqual(set(listed.ids), {named.id, unnamed.id, unknown.id})
        why = {line.id: line.call_wallet_reason for line in listed}
        self.assertIn("was matched", why[named.id])
        self.assertIn(f"has a wallet ({self.wallet.account_ref})", why[unnamed.id])
        self.assertIn("not known", why[unknown.id])
        self.assertFalse(foreign.call_wallet_reason)

    def test_an_accountant_without_a_role_here_goes_on_with_the_bank(self):
        """Odoo's own lists read all fields of a line, ours among them."""
        line = self._receive(100, "Thank you")
        line.partner_id = self.partner
        accountant = self._make_user("transfers.accountant", "account.group_account_user")
        lines = self.env["account.bank.statement.line"].with_user(accountant)
        self.assertEqual(
            lines.browse(line.id).read(["payment_ref", "call_wallet_reason"])[0]["payment_ref"], "Thank you"
        )
        self.assertFalse(lines.search([("call_wallet_is_of_interest", "=", True), ("id", "=", line.id)]))

    def test_only_finance_staff_match(self):
        for group in ("account_manager", "platform", "base.group_portal"):
            with self.assertRaises(AccessError):
                self.env["call.wallet.topup"].with_user(self._make_user(f"match-{group}", group)).match_transfers()
