"""Refunds above the company's limit need a second person."""

from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestRefundApproval(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.call_wallet_refund_limit = "50"
        cls.clerk = cls._make_user("approval-clerk", "finance")
        cls.manager = cls._make_user("approval-manager", "finance_manager")
        cls.second = cls._make_user("approval-second", "finance_manager")
        cls.account_manager = cls._make_user("approval-am", "account_manager")

    def ask(self, amount="50.01", user=None, **values):
        return self.wallet.with_user(user or self.clerk).request_refund(amount, "Week of bad lines", **values)

    def test_up_to_the_limit_one_person_suffices_managers_included(self):
        self.wallet.with_user(self.clerk).refund("50", "Bad line")
        for user in (self.clerk, self.manager):
            with self.assertRaisesRegex(UserError, "second person.*request_refund"):
                self.wallet.with_user(user).refund("50.000001", "Bad line")
        self.company.write({"call_wallet_refund_limit": 0, "call_wallet_refund_day_limit": 0})
        self.wallet.with_user(self.clerk).refund("5000", "No limit is set")
        self.assertBalance(self.wallet, 5050)

    def test_ordinary_refunds_are_below_the_limit_of_a_new_company(self):
        self.assertEqual(self.env["res.company"].create({"name": "Fresh"}).call_wallet_refund_limit, 1000)

    def test_a_request_moves_nothing_until_it_is_approved(self):
        request = self.ask()
        self.assertEqual((request.state, request.requested_by_id), ("waiting", self.clerk))
        self.assertBalance(self.wallet, 0)
        request.with_user(self.manager).action_approve()
        self.assertEqual((request.state, request.decided_by_id), ("approved", self.manager))
        self.assertTrue(request.decided_at)
        row = request.transaction_id
        self.assertEqual((row.type, row.amount, row.description), ("refund", Decimal("50.01"), "Week of bad lines"))
        self.assertBalance(self.wallet, "50.01")
        self.assertSound(self.wallet)

    def test_once_decided_it_stays_decided(self):
        request = self.ask()
        request.with_user(self.manager).action_approve()
        for decide in (
            lambda: request.with_user(self.second).action_approve(),
            lambda: request.with_user(self.second).action_refuse("Too late"),
            lambda: request.with_user(self.clerk).action_withdraw(),
        ):
            with self.assertRaisesRegex(UserError, "Approved, approval-manager"):
                decide()
        self.assertBalance(self.wallet, "50.01")

    def test_a_refused_one_keeps_the_reason_and_moves_nothing(self):
        request = self.ask()
        for reason in ("", "  ", None, 7):
            with self.assertRaisesRegex(UserError, "Reason"):
                request.with_user(self.manager).action_refuse(reason)
        self.env["call.wallet.refund.refusal"].with_user(self.manager).create(
            {"request_id": request.id, "reason": "The lines were fine"}
        ).action_refuse()
        self.assertEqual((request.state, request.refusal_reason), ("refused", "The lines were fine"))
        self.assertBalance(self.wallet, 0)

    def test_nobody_decides_on_their_own_request(self):
        request = self.ask(user=self.manager)
        self.assertFalse(request.with_user(self.manager).may_decide)
        self.assertTrue(request.with_user(self.second).may_decide)
        for decide in (lambda own: own.action_approve(), lambda own: own.action_refuse("Changed my mind")):
            with self.assertRaisesRegex(UserError, "yourself"):
                decide(request.with_user(self.manager))
        request.with_user(self.manager).action_withdraw()
        self.assertEqual(request.state, "withdrawn")

    def test_the_wrong_people_are_refused(self):
        with self.assertRaises(AccessError):
            self.ask(user=self.account_manager)
        request = self.ask()
        for action in ("action_approve", "action_open_refusal"):
            with self.assertRaises(AccessError):
                getattr(request.with_user(self.clerk), action)()
        with self.assertRaises(AccessError):
            request.with_user(self.clerk).action_refuse("No")
        with self.assertRaises(AccessError):
            request.with_user(self.manager).action_withdraw()
        with self.assertRaises(AccessError):
            request.with_user(self.account_manager).read(["amount"])
        for values in ({"state": "approved"}, {"amount": 1}):
            with self.assertRaises(AccessError):
                request.with_user(self.manager).write(values)
        with self.assertRaises(AccessError):
            request.with_user(self.manager).unlink()
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        foreign = self._make_wallet(company_id=elsewhere.id).request_refund("500", "Bad line")
        with self.assertRaises(AccessError):
            foreign.with_user(self.manager).action_approve()

    def test_what_the_call_cost_is_checked_when_asking_and_again_when_approving(self):
        self._fund(self.wallet, 200)
        call = self._call(number="+442071234567", duration_seconds=6 * 3600)  # 14.086
        self._record(call)
        usage = self._usage_of(call)
        self.company.call_wallet_refund_limit = "5"
        with self.assertRaisesRegex(UserError, "at most 14.086"):
            self.ask("14.09", usage=usage)
        request = self.ask("14", usage=usage)
        self.wallet.with_user(self.manager).refund("1", "Part of it", usage=usage)
        with self.assertRaisesRegex(UserError, "at most 13.086"):
            request.with_user(self.manager).action_approve()
        self.assertEqual(request.state, "waiting")
        usage.with_user(self.manager).unlink()
        with self.assertRaisesRegex(UserError, "deleted"):
            request.with_user(self.manager).action_approve()

    def test_amount_reason_and_key_are_checked_when_asking(self):
        for amount in ("0", "-1", "abc", None):
            with self.assertRaisesRegex(UserError, "Amount"):
                self.ask(amount)
        with self.assertRaisesRegex(UserError, "Reason"):
            self.wallet.request_refund("60", " ")
        self.assertEqual(self.ask(request_key="k"), self.ask(request_key="k"))
        with self.assertRaisesRegex(UserError, "request_key: it asked for another refund"):
            self.ask("61", request_key="k")
        self.assertEqual(self.wallet.refund_waiting_count, 1)

    def test_finance_managers_but_not_the_requester_get_an_activity_until_it_is_decided(self):
        request = self.ask(user=self.manager)
        people = request.activity_ids.user_id
        self.assertIn(self.second, people)
        self.assertNotIn(self.manager, people)
        self.assertNotIn(self.clerk, people)
        request.with_user(self.second).action_approve()
        self.assertFalse(request.activity_ids)

    def test_the_dialog_refunds_below_the_limit_and_asks_above_it(self):
        dialog = Form(
            self.env["call.wallet.refund.wizard"].with_user(self.clerk).with_context(default_wallet_id=self.wallet.id)
        )
        dialog.amount, dialog.reason = 50, "Bad line"
        self.assertFalse(dialog.needs_approval)
        dialog.save().action_refund()
        self.assertBalance(self.wallet, 50)
        dialog = Form(
            self.env["call.wallet.refund.wizard"].with_user(self.clerk).with_context(default_wallet_id=self.wallet.id)
        )
        dialog.amount, dialog.reason = 60, "Bad week"
        self.assertTrue(dialog.needs_approval)
        wizard = dialog.save()
        first, second = wizard.action_refund(), wizard.action_refund()
        self.assertEqual((first["res_model"], first["res_id"]), ("call.wallet.refund.request", second["res_id"]))
        self.assertBalance(self.wallet, 50)

    def test_the_limit_cannot_be_negative(self):
        with self.assertRaisesRegex(Exception, "zero or more|not_negative"), self.cr.savepoint():
            self.company.call_wallet_refund_limit = -1
            self.company.flush_recordset()
