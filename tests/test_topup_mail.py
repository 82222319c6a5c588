"""Mails about the invoice of a top-up: on order, where the company wants it, and the link by which it is paid."""

from odoo.addons.mail.tests.common import MailCase
from odoo.exceptions import UserError

from .common import CallWalletCommon


class TestTopupMail(CallWalletCommon, MailCase):
    """What is mailed to whom; the PDF itself is the subject of `test_letterhead`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        cls.env["ir.module.module"]._load_module_terms(["account", "call_wallet"], ["es_ES"])
        cls.partner.lang = "es_ES"
        cls.company.call_wallet_mail_invoices = True

    def _send(self):
        """Run Odoo's scheduled action that mails invoices."""
        with self.mock_mail_gateway(), self.enter_registry_test_mode():
            self.env.ref("account.ir_cron_account_move_send").method_direct_trigger()
        return self._new_mails

    def test_the_invoice_is_mailed_once_to_the_customer_in_his_language(self):
        topup = self.wallet.create_topup("50")
        [mail] = self._send()
        self.assertEqual(mail.recipient_ids, self.partner)
        self.assertIn("Factura", mail.subject)
        self.assertIn(topup.invoice_id.name, mail.subject)
        [attached] = mail.attachment_ids
        self.assertTrue(attached.name.endswith(".pdf"), attached.name)
        self.assertFalse(topup.invoice_id.is_being_sent)
        self.assertFalse(self._send())

    def test_the_same_order_again_mails_nothing_again(self):
        self.wallet.create_topup("50", request_key="one-order")
        self.assertEqual(len(self._send()), 1)
        self.wallet.create_topup("50", request_key="one-order")
        self.assertFalse(self._send())

    def test_the_billing_e_mail_of_the_wallet_gets_it(self):
        self.wallet.billing_email = "facturas@initrode.example"
        self.wallet.create_topup("50")
        [mail] = self._send()
        self.assertEqual(mail.recipient_ids.mapped("email"), ["facturas@initrode.example"])

    def test_nothing_is_mailed_where_the_company_does_not_want_it(self):
        self.company.call_wallet_mail_invoices = False
        self.wallet.create_topup("50")
        self.assertFalse(self._send())

    def test_a_customer_who_gets_invoices_another_way_is_not_mailed(self):
        self.partner.with_company(self.company).invoice_sending_method = "manual"
        self.wallet.create_topup("50")
        self.assertFalse(self._send())

    def _payment_link(self, topup):
        """Open the dialog as finance does, send it as it is, and return the mail."""
        finance = self._make_user("link.finance", "finance")
        action = topup.with_user(finance).action_send_payment_link()
        composer = self.env[action["res_model"]].with_user(finance).with_context(action["context"])
        with self.mock_mail_gateway():
            composer.create({})._action_send_mail()
        return self._new_mails

    def test_the_payment_link_goes_to_the_customer_and_opens_the_invoice_for_whoever_has_it(self):
        self.company.call_wallet_mail_invoices = False
        topup = self.wallet.create_topup("1234.50")
        [mail] = self._payment_link(topup)
        self.assertEqual(mail.recipient_ids, self.partner)
        self.assertIn(topup.invoice_id.name, mail.subject)
        # 1,234.50 dollars as Spain writes them.
        self.assertIn("1.234,50", mail.body_html)
        self.assertIn("Pagar", mail.body_html)
        self.assertIn(f"/my/invoices/{topup.invoice_id.id}?", mail.body_html)
        self.assertIn(f"access_token={topup.invoice_id.access_token}", mail.body_html)
        self.assertIn("payment_token=", mail.body_html)

    def test_the_payment_link_goes_to_the_billing_e_mail(self):
        self.wallet.billing_email = "facturas@initrode.example"
        [mail] = self._payment_link(self.wallet.create_topup("50"))
        self.assertEqual(mail.recipient_ids.mapped("email"), ["facturas@initrode.example"])

    def test_what_is_paid_has_no_payment_link(self):
        topup = self._fund(self.wallet, "50", by="topup")
        with self.assertRaises(UserError):
            topup.action_send_payment_link()
