"""Mails that do not arrive: finance is told, by one task an address or invoice, and one entry for a mail server."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo.addons.base.models.ir_mail_server import IrMail_Server
from odoo.addons.mail.tests.common import MailCase
from odoo.tools import mute_logger

from .common import CallWalletCommon

QUEUE = "odoo.addons.mail.models.mail_mail"


class UndeliveredCase(CallWalletCommon, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["mail.mail"].search([]).unlink()
        cls.env["call.wallet.failure"].search([]).unlink()
        cls._fund(cls, cls.wallet, 12)

    def _tasks(self):
        self.env.invalidate_all()
        return self.wallet.activity_ids.mapped("summary")

    def _run_low(self):
        self._record(self._call(call_type="whatsapp", duration_seconds=9000))
        self.env["call.wallet.alert"]._cron_send()
        return self.env["mail.mail"].search([("email_to", "=", "billing@initrode.example")], order="id desc", limit=1)


class TestNotices(UndeliveredCase):
    def _waiting(self):
        self.env.flush_all()
        entries = self.env["call.wallet.waiting"].search([("kind", "=", "failure")])
        return [(entry.company_id, entry.count) for entry in entries]

    @mute_logger(QUEUE)
    def test_a_mail_server_that_is_down_is_one_entry_however_many_mails_it_keeps(self):
        self.wallet.set_recipients(["billing@initrode.example", "bob@initrode.example"])
        self._run_low()
        mails = self.env["mail.mail"].search([("state", "=", "outgoing"), ("model", "=", "call.wallet")])
        with patch.object(IrMail_Server, "_connect__", side_effect=OSError("connection refused")):
            mails.send()
        self.assertEqual(self._waiting(), [(self.company, 2)])
        self.assertFalse([task for task in self._tasks() if "delivered" in task])
        with self.mock_mail_gateway():
            mails.write({"state": "outgoing"})
            mails.send()
        self.assertEqual(self._waiting(), [])

    def test_a_bounce_is_a_task_about_the_address_once_and_the_address_stays(self):
        for number in (1, 2):
            with self.mock_mail_gateway(), mute_logger("odoo.addons.mail.models.mail_thread"):
                self.env["mail.thread"].message_process(None, BOUNCE % number)
        [task] = [task for task in self._tasks() if "billing@initrode.example" in task]
        self.assertIn("was not delivered", task)
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["billing@initrode.example"])

    def test_a_bounce_of_anybody_else_is_nothing_to_us(self):
        before = self._tasks()
        with self.mock_mail_gateway(), mute_logger("odoo.addons.mail.models.mail_thread"):
            self.env["mail.thread"].message_process(None, BOUNCE.replace("billing@", "stranger@") % 3)
        self.assertEqual(self._tasks(), before)

    def test_a_recipient_whose_contact_is_archived_or_deleted_is_written_to_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        contact = self.env["res.partner"].create({"name": "Ana", "email": "ana@other.example", "lang": "es_ES"})
        self.wallet.set_recipients(["ana@other.example"])
        contact.active = False
        self.assertEqual(self.wallet._by_language(["ana@other.example"]), {"en_US": ["ana@other.example"]})
        contact.unlink()
        self.assertEqual(self.wallet._by_language(["ana@other.example"]), {"en_US": ["ana@other.example"]})


class TestInvoices(UndeliveredCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.call_wallet_mail_invoices = True

    def _mail_invoices(self):
        with self.mock_mail_gateway(), self.enter_registry_test_mode():
            self.env.ref("account.ir_cron_account_move_send").method_direct_trigger()
        return self._new_mails

    @contextmanager
    def _refusing(self, answer):
        """A mail server that says so to whoever connects."""
        with patch.object(IrMail_Server, "_connect__", side_effect=OSError(answer)), mute_logger(QUEUE):
            yield

    def _task_of(self, topup):
        [task] = [task for task in self.wallet.activity_ids if topup.invoice_id.name in task.summary]
        self.assertTrue(task.user_id.has_group("call_wallet.group_finance"))
        about = task.call_wallet_about_model, task.call_wallet_about_id
        self.assertEqual(about, ("account.move", topup.invoice_id.id))
        return task

    def test_an_invoice_that_the_mail_server_refuses_is_a_task_of_finance(self):
        topup = self.wallet.create_topup("50")
        mail = self._mail_invoices()
        mail = (
            self.env["mail.mail"].search([("model", "=", "account.move"), ("res_id", "=", topup.invoice_id.id)]) or mail
        )
        mail.write({"state": "outgoing"})
        with self._refusing("refused by the server"):
            mail.send()
        self.assertIn("refused by the server", self._task_of(topup).note)

    def test_an_invoice_of_a_customer_without_an_address_is_a_task_of_finance(self):
        self.partner.email = False
        topup = self.wallet.create_topup("50")
        self._mail_invoices()
        self.assertIn("no e-mail address", self._task_of(topup).note)

    def test_an_invoice_whose_document_cannot_be_made_is_a_task_of_finance(self):
        topup = self.wallet.create_topup("50")
        sender = type(self.env["account.move.send"])
        error = {"error_title": "The document could not be made", "errors": ["no report"]}

        def fail(_self, moves_data, **_options):
            for data in moves_data.values():
                data["error"] = error

        with patch.object(sender, "_generate_invoice_documents", fail):
            self._mail_invoices()
        self.assertIn("could not be made", self._task_of(topup).note)

    def test_another_invoice_is_nothing_to_us(self):
        before = self._tasks()
        customer = self.env["res.partner"].create({"name": "Shop", "email": "shop@shop.example"})
        values = {"move_type": "out_invoice", "partner_id": customer.id, "invoice_date": "2026-10-05"}
        lines = [(0, 0, {"name": "Desk", "price_unit": 9, "tax_ids": False})]
        invoice = self.env["account.move"].create({**values, "invoice_line_ids": lines})
        invoice.action_post()
        mail = self.env["mail.mail"].create({"model": "account.move", "res_id": invoice.id, "email_to": "x@y.example"})
        with self._refusing("refused"):
            mail.send()
        self.assertEqual(self._tasks(), before)


BOUNCE = """From: MAILER-DAEMON <mailer-daemon@mx.example>
To: bounce@test.example
Subject: Undelivered Mail Returned to Sender
Message-Id: <bounce-%s@mx.example>
Date: Wed, 28 Oct 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="XX"

--XX
Content-Type: text/plain; charset=utf-8

The mail system could not deliver your message.

--XX
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; billing@initrode.example
Action: failed
Status: 5.1.1

--XX
Content-Type: text/rfc822-headers

Message-Id: <gone@test.example>
To: billing@initrode.example
Subject: Low balance

--XX--
"""
