"""Automatic top-up when the card does not work: back off, stop, begin again."""

from datetime import timedelta

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.exceptions import UserError
from odoo.tests import tagged

from .auto_topup_case import AutoTopupCase

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@tagged("post_install", "-at_install", "standard")
class TestAutoTopupDeclines(AutoTopupCase):
    def setUp(self):
        super().setUp()
        self.card.demo_simulated_state = "error"
        self._spend("15")

    def _send_mails(self):
        self.env["call.wallet.alert"]._cron_send()
        self.env.invalidate_all()
        alerts = self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id)], order="id")
        return self.env["mail.mail"].search(
            [("model", "=", "call.wallet.alert"), ("res_id", "in", alerts.ids)], order="id"
        )

    def _invoices(self):
        return self.wallet.topup_ids.invoice_id.filtered(lambda invoice: invoice.state == "posted")

    def _decline_three_times(self):
        start = utcnow()
        for hours in (0, 2, 9):
            with recorded_at(start + HOUR * hours):
                self._run()

    def test_a_decline_is_tried_again_after_an_hour_then_six_then_no_more(self):
        start = utcnow()
        expected = [(0, 1), (0.9, 1), (1.1, 2), (7, 2), (7.2, 3), (48, 3)]
        for hours, attempts in expected:
            with recorded_at(start + HOUR * hours):
                self._run()
            self.assertEqual(len(self._attempts()), attempts, f"after {hours} h")
        self.assertEqual(self.wallet.auto_topup_state, "suspended")
        self.assertEqual(self.wallet.auto_topup_reason, "declined")
        self.assertIn("three times", self.wallet.auto_topup_status)
        self.assertEqual(set(self._attempts().mapped("state")), {"failed"})
        self.assertIn("backing_off", self._reasons())
        self.assertBalance(self.wallet, 15)

    def test_the_retries_share_one_invoice(self):
        self._decline_three_times()
        self.assertEqual(len(self._invoices()), 1)
        self.assertEqual(len(self._attempts().topup_id), 1)
        self.assertEqual(len(self._attempts().transaction_id), 3)

    def test_a_success_after_a_decline_starts_afresh(self):
        start = utcnow()
        self._run()
        self.card.demo_simulated_state = "done"
        with recorded_at(start + HOUR * 2):
            self._run()
        self.assertEqual(self._attempts().mapped("state"), ["done", "failed"])
        self.assertEqual(self.wallet.auto_topup_declines, 0)
        self.assertFalse(self._attempts("failed").has_open_invoice)
        self.assertEqual(
            self._invoices().mapped("payment_state"), [self._attempts("done").topup_id.invoice_id.payment_state]
        )

    def test_the_recipients_hear_of_a_decline_and_of_the_end(self):
        self._run()
        [mail] = self._send_mails()
        self.assertEqual(mail.email_to, "billing@initrode.example")
        self.assertIn("could not be charged", mail.subject)
        self.assertIn(self._invoices().access_token, mail.body_html)
        self.assertIn("Next attempt", mail.body_html)
        start = utcnow()
        for hours in (2, 9):
            with recorded_at(start + HOUR * hours):
                self._run()
        mails = self._send_mails()
        self.assertIn("switched off", mails[-1].subject)
        self.assertIn("three times", mails[-1].body_html)
        self.assertIn(self._invoices().access_token, mails[-1].body_html)

    def test_authentication_stops_it_at_once_with_a_link_to_pay(self):
        self._answer(call_wallet_needs_authentication=True)
        self.assertEqual(self.wallet.auto_topup_reason, "authentication")
        [mail] = self._send_mails()
        self.assertIn(self._invoices().access_token, mail.body_html)
        self.assertIn("confirm the payment", mail.body_html)

    def test_a_card_refused_for_good_stops_it_at_once(self):
        self._answer(call_wallet_decline_code="stolen_card")
        self.assertEqual(self.wallet.auto_topup_reason, "hard_decline")
        self._run(HOUR * 30)
        self.assertEqual(len(self._attempts()), 1)

    def test_a_payment_by_hand_arms_it_again(self):
        self._decline_three_times()
        self._pay(self._invoices())
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_declines), ("on", 0))
        self.assertBalance(self.wallet, 65)

    def test_a_payment_by_hand_does_not_make_a_stolen_card_good(self):
        self._answer(call_wallet_decline_code="stolen_card")
        self.assertTrue(self._attempts().has_open_invoice)
        self._pay(self._invoices())
        self.assertEqual(self.wallet.auto_topup_state, "suspended")
        self.assertFalse(self._attempts().has_open_invoice, "nothing is left to pay")

    def test_new_consent_with_a_new_card_arms_it_again_and_the_old_invoice_goes(self):
        self._decline_three_times()
        good = self._save_card(details="1111")
        with self.assertRaisesRegex(UserError, "Consent"):
            self.wallet.set_auto_topup(True, token_id=good.id)
        self.wallet.set_auto_topup(True, amount="60", token_id=good.id, accept_mandate=True)
        self._run()
        self.assertBalance(self.wallet, 75)
        self.assertEqual(len(self._invoices()), 1, "the unpaid one was cancelled")

    def test_after_another_payment_by_hand_the_open_invoice_is_cancelled(self):
        self._run()
        self.assertEqual(len(self._invoices()), 1)
        self._fund(self.wallet, "100", by="topup")
        self._run()
        self.assertEqual(self._invoices().mapped("amount_total"), [100.0])
        self.assertEqual(self.wallet.auto_topup_declines, 0)

    def test_a_removed_card_stops_it_and_says_so(self):
        self.card.active = False
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", "card_removed"))
        self.assertEqual(self._kinds(), ["auto_off"])
        self._run()
        self.assertFalse(self._attempts())

    def test_a_payment_taken_back_stops_it_until_a_person_switches_it_on(self):
        self.card.demo_simulated_state = "done"
        self._run()
        self._spend("60")
        payment = self._attempts().transaction_id.payment_id
        payment.action_draft()
        self.assertBalance(self.wallet, -45)
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", "taken_back"))
        self._fund(self.wallet, "10", by="topup")
        self._run(HOUR)
        self.assertEqual(self.wallet.auto_topup_state, "suspended")
        self.assertEqual(len(self._attempts()), 1)

    def test_switched_off_by_its_owner_nothing_is_charged(self):
        self.wallet.set_auto_topup(False)
        self._run()
        self.assertFalse(self._attempts("skipped", "failed", "done"))

    def test_an_order_that_is_refused_is_noted_with_its_reason(self):
        self.company.call_wallet_topup_min = 70
        self._run()
        self.assertEqual(self._reasons(), ["refused"])
        self.assertIn("70.00", self._attempts("skipped").sentence)
        self.assertFalse(self.wallet.topup_ids)

    def _answer(self, **values):
        """The provider declines the first attempt and says why, as a provider's module notes it."""
        cls = type(self.env["payment.transaction"])
        original = cls._send_payment_request

        def declined(payment):
            payment.write(values)
            return original(payment)

        self.patch(cls, "_send_payment_request", declined)
        self._run()
