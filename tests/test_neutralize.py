"""A copy for testing (`odoo-bin neutralize`, or the check box of the database manager) leaves the world alone."""

from odoo.modules.neutralize import neutralize_database
from odoo.tests import tagged

from .auto_topup_case import AutoTopupCase


@tagged("post_install", "-at_install", "standard")
class TestNeutralize(AutoTopupCase):
    """The wallet has 30 dollars, and automatic top-up is on below 20."""

    def _neutralize(self):
        self.env.flush_all()
        neutralize_database(self.env.cr)
        self.env.invalidate_all()

    def test_no_card_is_charged(self):
        self._neutralize()
        self._spend("15")
        self._run()
        self.assertBalance(self.wallet, 15)
        self.assertEqual((self.wallet.auto_topup_state, self._attempts().ids), ("off", []))

    def test_no_card_is_asked_again_for_a_charge_under_way(self):
        self.card.demo_simulated_state = "pending"
        self._spend("15")
        self._run()
        self.assertEqual(self._attempts().mapped("state"), ["pending"])
        self._neutralize()
        self.assertEqual(self._attempts().mapped("state"), ["cancelled"])
        self._run()
        self.assertEqual(self._attempts().mapped("state"), ["cancelled"])

    def test_no_owner_is_mailed_and_the_wallet_stays_set_up(self):
        self.wallet.set_recipients(["billing@customer.example", "owner@customer.example"])
        self._neutralize()
        self.assertEqual(len(self.wallet.recipient_ids), 2)
        for email in self.wallet.recipient_ids.mapped("email"):
            self.assertRegex(email, r"^recipient-\d+@call-wallet\.invalid$")
        self.assertEqual(self.wallet.state, "active")
        earlier = self.env["mail.mail"].sudo().search([])
        self.wallet.set_low_balance_threshold("20")
        self._spend("15")
        self.env["call.wallet.alert"]._cron_send()
        mails = self.env["mail.mail"].sudo().search([]) - earlier
        told = [mail.email_to for mail in mails if mail.model == "call.wallet" and mail.res_id == self.wallet.id]
        self.assertEqual(len(told), 2)
        for email in told:
            self.assertIn("@call-wallet.invalid", email)

    def test_nothing_that_signs_for_a_provider_stays(self):
        provider = self.env.ref("payment.payment_provider_stripe")
        provider.call_wallet_webhook_secret = "whsec_of_the_original"
        self._neutralize()
        self.assertFalse(provider.call_wallet_webhook_secret)
