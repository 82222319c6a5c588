"""The end of a wallet: what closing needs, does and leaves; late calls; reopening."""

from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestClose(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._make_user("close-manager", "finance_manager")
        cls.clerk = cls._make_user("close-clerk", "finance")

    def setUp(self):
        super().setUp()
        self.mine = self.wallet.with_user(self.manager)

    def authorize(self):
        return self.env["call.wallet"].authorize_call(self.wallet.account_ref, "c-1", "live", "+14155550100")

    # === WHAT IT NEEDS === #

    def test_only_a_finance_manager_closes_and_reopens_and_says_why(self):
        for user in (self.clerk, self._make_user("close-am", "account_manager")):
            for action in ("action_open_close", "reopen"):
                with self.assertRaises(AccessError):
                    getattr(self.wallet.with_user(user), action)()
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).close("Contract over")
        for reason in ("", " ", None, 7):
            with self.assertRaisesRegex(UserError, "Reason"):
                self.mine.close(reason)
        self.assertTrue(self.wallet.active)

    def test_it_is_not_archived_by_hand(self):
        for user in (self.clerk, self.manager):
            with self.assertRaisesRegex(UserError, "Close"):
                self.wallet.with_user(user).action_archive()
            with self.assertRaisesRegex(UserError, "Close"):
                self.wallet.with_user(user).write({"active": False})
                self.wallet.with_user(user).write({"active": False, "closed_at": "2026-10-01 00:00:00"})
        with self.assertRaisesRegex(UserError, "Close"):
            self.wallet.sudo().write({"active": False})  # as Odoo's privacy look-up does

    def test_calls_in_progress_unpaid_top_ups_and_waiting_refunds_come_first(self):
        self._fund(self.wallet, 20)
        self.authorize()
        topup = self.wallet.create_topup("30")
        request = self.wallet.request_refund("40", "Bad line")
        for what, clear in (
            ("in progress", lambda: self.env["call.wallet"].release_hold(self.wallet.account_ref, "c-1")),
            (topup.display_name, lambda: topup.invoice_id.button_cancel()),
            ("Refund requests", lambda: request.with_user(self.manager).action_refuse("No")),
        ):
            with self.subTest(what), self.assertRaisesRegex(UserError, what):
                self.mine.close("Contract over", take_rest=True)
            clear()
            self.env.invalidate_all()
        self.mine.close("Contract over", take_rest=True)
        self.assertFalse(self.wallet.active)

    def test_what_was_paid_back_is_not_unpaid(self):
        topup = self._fund(self.wallet, "100", by="topup")
        topup.pay_back("100", "Ordered twice")
        self.assertEqual(topup.state, "paid_back")
        self._fund(self.wallet, "50", by="topup")
        self.mine.close("Contract over")
        self.mine.reopen()
        self._fund(self.wallet, "10", by="topup")
        self.mine.close("Contract over again")
        self._record(self._call())
        self.mine.close("A late call", write_off=True)
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    # === WHAT IT DOES === #

    def test_what_did_not_come_from_top_ups_is_kept_only_if_the_manager_says_so(self):
        self._fund(self.wallet, "20.005")
        with self.assertRaisesRegex(UserError, "20.005 USD.*take_rest"):
            self.mine.close("Contract over")
        self.assertBalance(self.wallet, "20.005")
        self.mine.close("Contract over", take_rest=True)
        self.assertBalance(self.wallet, 0)
        row = self.wallet.transaction_ids[0]
        self.assertEqual((row.type, row.amount, row.topup_id.id), ("reversal", Decimal("-20.005"), False))
        self.assertIn("Contract over", row.description)
        self.assertEqual((self.wallet.closed_by_id, self.wallet.close_reason), (self.manager, "Contract over"))
        self.assertTrue(self.wallet.closed_at)
        self.assertSound(self.wallet)

    def test_less_than_a_cent_needs_no_decision(self):
        self._fund(self.wallet, "0.009999")
        self.mine.close("Contract over")
        self.assertBalance(self.wallet, 0)

    def test_a_balance_below_zero_is_written_off_only_if_the_manager_says_so(self):
        self._record(self._call())
        with self.assertRaisesRegex(UserError, "0.025 USD below zero.*write_off"):
            self.mine.close("Contract over", take_rest=True)
        self.mine.close("Contract over", write_off=True)
        self.assertBalance(self.wallet, 0)
        row = self.wallet.transaction_ids[0]
        self.assertEqual((row.type, row.amount, row.usage_id.id), ("refund", Decimal("0.025"), False))
        self.assertIn("Written off", row.description)
        self.assertSound(self.wallet)

    def test_an_empty_wallet_closes_without_a_transaction_and_only_once(self):
        self.mine.close("Never used")
        self.assertEqual((self.wallet.active, self.wallet.last_sequence), (False, 0))
        with self.assertRaisesRegex(UserError, "closed"):
            self.mine.close("Once more")

    def test_customers_are_not_asked_to_add_balance_to_a_closed_wallet(self):
        self._fund(self.wallet, "20")
        self.mine.close("Contract over", take_rest=True)
        self.env["call.wallet.alert"]._send_pending(self.wallet.ids)
        alerts = self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id)])
        self.assertEqual(alerts.mapped("state"), ["cancelled"])

    def test_top_ups_are_paid_back_the_newest_first_and_the_rest_is_kept(self):
        self._fund(self.wallet, "5")
        older, newer = (self._fund(self.wallet, amount, by="topup") for amount in ("100", "40"))
        self._record(self._call(duration_seconds=3600 * 100))  # 75 of 145
        self._record(self._call())  # and 0.025
        self.assertBalance(self.wallet, "69.975")
        self.mine.close("Contract over")
        self.assertEqual((newer.credited_amount, older.credited_amount), (0, Decimal("70.03")))
        notes = (newer | older).invoice_id.reversal_move_ids
        self.assertEqual(sorted(notes.mapped("amount_total")), [29.97, 40])
        self.assertEqual(set(notes.mapped("state")), {"posted"})
        self.assertIn("Contract over", notes[0].ref)
        self.assertEqual(self.wallet.transaction_ids[0].amount, Decimal("-0.005"))
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_credit_notes_have_the_tax_of_their_invoices(self):
        product = self.env.ref("call_wallet.product_topup")
        for include in ("tax_excluded", "tax_included"):
            with self.subTest(include):
                product.taxes_id = self.env["account.tax"].create(
                    {"name": f"VAT {include}", "amount": 21, "type_tax_use": "sale", "price_include_override": include}
                )
                wallet = self._make_wallet()
                topup = self._fund(wallet, "10.01", by="topup")
                product.taxes_id = False
                self._record(self._call(account=wallet.account_ref, duration_seconds=60 * 100))
                wallet.with_user(self.manager).close("Contract over")
                note = topup.invoice_id.reversal_move_ids
                self.assertEqual((note.amount_untaxed, note.amount_tax), (8.76, 1.84))
                self.assertBalance(wallet, 0)

    def test_the_dialog_lists_the_credit_notes_with_tax(self):
        self.env.ref("call_wallet.product_topup").taxes_id = self.env["account.tax"].create(
            {"name": "VAT 21", "amount": 21, "type_tax_use": "sale"}
        )
        topup = self._fund(self.wallet, "100", by="topup")
        self._fund(self.wallet, "3")
        wizard = self.dialog().save()
        self.assertEqual((wizard.paid_back, wizard.rest), (100, 3))
        self.assertEqual((wizard.line_ids.topup_id, wizard.line_ids.total), (topup, 121))

    # === A CLOSED WALLET === #

    def test_no_call_starts_and_the_sentence_says_why(self):
        self.mine.close("Contract over")
        verdict = self.authorize()
        self.assertEqual((verdict["allowed"], verdict["code"]), (False, "closed"))
        self.assertIn("closed", verdict["message"])
        self.assertIn("Contract over", self.wallet.status_meaning)

    def test_a_late_call_is_charged_and_closing_again_settles_it(self):
        self._fund(self.wallet, 20)
        self.mine.close("Contract over", take_rest=True)
        result = self._record(self._call())
        self.assertEqual((result["result"], result["total_cost"]), ("charged", "0.025000"))
        self.assertBalance(self.wallet, "-0.025")
        unsettled = self.env["call.wallet"].search([("active", "=", False), ("balance", "!=", 0)])
        self.assertIn(self.wallet, unsettled)
        self.mine.close("A call came late", write_off=True)
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_somebody_is_asked_to_settle_what_came_late(self):
        self.mine.close("Contract over")
        self._record(self._call())
        for _run in range(2):
            self.wallet._cron_breakage()
        self.assertEqual(self.wallet.activity_ids.mapped("user_id"), self.manager)
        self.mine.close("A call came late", write_off=True)
        self.assertFalse(self.wallet.activity_ids)

    def test_who_may_not_close_any_more_is_not_asked_to(self):
        self.mine.close("Contract over")
        self.manager.group_ids = self.env.ref("call_wallet.group_finance")
        later = self._make_user("close.manager.later", "finance_manager")
        self._record(self._call())
        self.wallet._cron_breakage()
        self.assertEqual(self.wallet.activity_ids.mapped("user_id"), later)

    def test_nothing_is_added_until_it_is_reopened(self):
        self.mine.close("Contract over")
        for action in (
            lambda wallet: wallet.create_topup("20"),
            lambda wallet: wallet.refund("1", "Bad line"),
            lambda wallet: wallet.request_refund("1", "Bad line"),
        ):
            with self.assertRaisesRegex(UserError, "closed"):
                action(self.mine)
        self.mine.reopen()
        self.assertTrue(self.wallet.active)
        self.assertFalse(self.wallet.closed_at)
        self._fund(self.wallet, 20, by="topup")
        self.assertTrue(self.authorize()["allowed"])
        with self.assertRaisesRegex(UserError, "not closed"):
            self.mine.reopen()

    def test_it_is_not_reopened_beside_a_new_one_of_the_same_customer(self):
        self.mine.close("Contract over")
        newer = self._make_wallet(partner_id=self.partner.id)
        with self.assertRaisesRegex(UserError, newer.account_ref):
            self.mine.reopen()

    # === THE DIALOG === #

    def dialog(self):
        return Form(
            self.env["call.wallet.close.wizard"].with_user(self.manager).with_context(default_wallet_id=self.wallet.id)
        )

    def test_the_dialog_says_what_stands_in_the_way(self):
        self._fund(self.wallet, 20)
        self.authorize()
        self.assertIn("in progress", self.dialog().blockers)

    def test_the_dialog_does_what_it_showed_or_nothing(self):
        self._fund(self.wallet, 20)
        dialog = self.dialog()
        self.assertEqual((dialog.balance, dialog.rest, dialog.needs_take_rest), (20, 20, True))
        dialog.reason, dialog.take_rest = "Contract over", True
        wizard = dialog.save()
        self._record(self._call())
        with self.assertRaisesRegex(UserError, "changed"):
            wizard.action_close()
        dialog = self.dialog()
        dialog.reason, dialog.take_rest = "Contract over", True
        dialog.save().action_close()
        self.assertEqual((self.wallet.active, self.wallet.balance), (False, 0))

    # === REJECTED CALLS THAT WAIT === #

    def test_rejected_calls_that_wait_are_named_with_their_cost_and_asked_about(self):
        self._fund(self.wallet, 20)
        # Two minutes to Peru, which had no rate when they were reported; and no call at all.
        call = self._call(call_ref="late-1", number="+5111234567", duration_seconds=120)
        self.assertEqual(self._record(call)["result"], "rejected")
        self.wallet.rate_plan_id.rate_ids = [
            (0, 0, {"call_type": "live", "prefix": "51", "price_per_minute": "0.0125", "valid_from": "2020-01-01"})
        ]
        self.assertEqual(self._record(self._call(call_ref="late-2", number="nobody"))["result"], "rejected")
        dialog = Form(
            self.env["call.wallet.close.wizard"].with_user(self.manager).with_context(default_wallet_id=self.wallet.id)
        )
        self.assertEqual((dialog.rejected_count, dialog.rejected_unknown), (2, 1))
        self.assertEqual(str(dialog.rejected_worth), "0.025")
        dialog.reason, dialog.take_rest = "Contract over", True
        wizard = dialog.save()
        with self.assertRaisesRegex(UserError, "Rejected calls wait: 2"):
            wizard.action_close()
        action = wizard.action_open_rejected()
        self.assertEqual(
            set(self.env["call.usage.rejection"].search(action["domain"]).mapped("call_ref")), {"late-1", "late-2"}
        )
        wizard.leave_rejected = True
        wizard.action_close()
        self.assertFalse(self.wallet.active)
        self.assertIn("still open: 2", "".join(self.wallet.message_ids.mapped("body")))

    def test_without_rejected_calls_nobody_is_asked(self):
        dialog = Form(
            self.env["call.wallet.close.wizard"].with_user(self.manager).with_context(default_wallet_id=self.wallet.id)
        )
        self.assertFalse(dialog.rejected_count)
        dialog.reason = "Contract over"
        dialog.save().action_close()
        self.assertFalse(self.wallet.active)
