"""Customers read their billing pages in their language."""

import re

from odoo.tests import HttpCase, new_test_user

from .common import CallWalletCommon


class TestSpanish(CallWalletCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        cls.env["ir.module.module"].search([("name", "=", "call_wallet")])._update_translations(["es_ES"])
        cls.owner = new_test_user(
            cls.env, login="owner-es", password="owner-es", groups="base.group_portal", lang="es_ES"
        )
        cls.owner.partner_id.parent_id = cls.partner
        cls.wallet.owner_ids = cls.owner

    def test_the_billing_pages_are_in_spanish(self):
        self._fund(self.wallet, "50", by="topup")
        self.authenticate("owner-es", "owner-es")
        self.opener.cookies["frontend_lang"] = "es_ES"
        for page, expected, english in (
            ("", ("Facturación", "Activo", "Saldo"), ("Latest transactions", "Add Balance")),
            ("/add", ("Añadir saldo", "Resumen de la compra"), ("Purchase summary",)),
            ("/notifications", ("Destinatarios", "Guardar cambios"), ("Save changes",)),
            ("/invoices", ("Factura", "Pagada"), ("Status</th>",)),
            ("/auto", ("Recarga automática",), ("Automatic top-up",)),
        ):
            text = self.url_open(f"/my/billing/{self.wallet.id}{page}").text
            for word in expected:
                self.assertIn(word, text, page)
            for word in english:
                self.assertNotIn(word, text, page)

    def test_what_changes_on_a_page_is_in_the_page_s_language(self):
        self._fund(self.wallet, "50", by="topup")
        self.owner.lang = "en_US"
        self.authenticate("owner-es", "owner-es")
        self.opener.cookies["frontend_lang"] = "es_ES"
        html = self.make_jsonrpc_request(f"/my/billing/{self.wallet.id}/live")["html"]
        self.assertIn(">Activo<", html)
        self.assertNotIn(">Active<", html)

    def log_in(self, login):
        """Log in where somebody has read an English page before; return the language that the portal is set to."""
        self.authenticate(None, None)
        self.opener.cookies["frontend_lang"] = "en_US"
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.url_open("/web/login").text)[1]
        form = {"login": login, "password": login, "csrf_token": token, "redirect": "/my/billing"}
        answer = self.url_open("/web/login", data=form, allow_redirects=False)
        self.assertTrue(answer.headers["Location"].endswith("/my/billing"))
        return answer.cookies.get("frontend_lang")

    def test_an_owner_who_logs_in_reads_in_the_user_s_language_whatever_was_read_before(self):
        self.owner.lang = "es_ES"  # as its company's contact the user had taken over the company's
        self.assertEqual(self.log_in("owner-es"), "es_ES")

    def test_people_without_a_wallet_log_in_as_odoo_has_it(self):
        new_test_user(self.env, login="other-es", password="other-es", groups="base.group_portal", lang="es_ES")
        self.assertIsNone(self.log_in("other-es"))

    def test_mails_are_in_the_recipient_s_language(self):
        self.partner.lang = "es_ES"
        topup = self._fund(self.wallet, "50", by="topup")
        self.env["call.wallet.topup"]._cron_notify()
        mail = self.env["mail.mail"].search([("model", "=", topup._name), ("res_id", "=", topup.id)])
        self.assertIn("Saldo añadido", mail.subject)
        self.assertIn("Su saldo ha llegado", mail.body_html)

    def test_a_refused_call_says_why_in_spanish(self):
        wallets = self.env["call.wallet"].with_context(lang="es_ES")
        verdict = wallets.authorize_call(self.wallet.account_ref, "es-1", "live", "+14155550100")
        self.assertIn("saldo suficiente", verdict["message"])
