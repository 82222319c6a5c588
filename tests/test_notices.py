"""The mails that tell of good news and of the month: balance added, and the statement."""

import io
from datetime import date, datetime

import openpyxl
from odoo.addons.call_wallet.tools.clock import recorded_at

from .common import CallWalletCommon


class NoticeCase(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["mail.mail"].search([]).unlink()

    def _mails(self, record):
        return self.env["mail.mail"].search([("model", "=", record._name), ("res_id", "=", record.id)], order="id")


class TestBalanceAdded(NoticeCase):
    def _tell(self):
        self.env["call.wallet.topup"]._cron_notify()

    def test_the_recipients_hear_of_each_part_once(self):
        topup = self.wallet.create_topup("100")
        self._tell()
        self.assertFalse(self._mails(topup), "nothing has arrived yet")
        self._pay(topup.invoice_id, 40)
        self._tell()
        self._tell()
        first = self._mails(topup)
        self.assertEqual(len(first), 1)
        self.assertEqual(first.email_to, "billing@initrode.example")
        for expected in ("40.00", topup.invoice_id.name, "still to be paid", f"/my/billing/{self.wallet.id}"):
            self.assertIn(expected, first.body_html)
        self._pay(topup.invoice_id)
        self._tell()
        second = self._mails(topup) - first
        self.assertIn("60.00", second.subject)
        self.assertIn("100.00", second.body_html, "the new balance")

    def test_what_was_taken_back_is_told_again_only_when_it_comes_back(self):
        topup = self.wallet.create_topup("100")
        payment = self._pay(topup.invoice_id)
        self._tell()
        payment.action_draft()
        self._tell()
        self.assertEqual(len(self._mails(topup)), 1)
        payment.action_post()
        self._tell()
        self.assertEqual(len(self._mails(topup)), 2)

    def test_each_in_their_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["res.partner"].create({"name": "Eva", "email": "eva@initrode.example", "lang": "es_ES"})
        self.wallet.set_recipients(["billing@initrode.example", "eva@initrode.example"])
        topup = self._fund(self.wallet, "100", by="topup")
        self._tell()
        self.assertEqual(
            sorted(self._mails(topup).mapped("email_to")), ["billing@initrode.example", "eva@initrode.example"]
        )


class TestStatement(NoticeCase):
    NOVEMBER = datetime(2026, 11, 1, 14)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["call.wallet"].search([]).statement_month = date(2026, 10, 1)
        cls.wallet.statement_month = date(2026, 9, 1)

    def setUp(self):
        super().setUp()
        with recorded_at(datetime(2026, 9, 20, 12)):
            self._fund(self.wallet, "100")
        with recorded_at(datetime(2026, 10, 5, 12)):
            self._record(self._call(), self._call(), self._call(call_type="whatsapp"))
            self.wallet.refund("0.5", "Bad line")

    def _send(self, when=NOVEMBER):
        with recorded_at(when):
            self.env["call.wallet"]._cron_send_statements()

    def test_the_month_is_sent_once_with_its_report(self):
        self._send()
        self._send()
        mail = self._mails(self.wallet)
        self.assertEqual(len(mail), 1)
        self.assertIn("October 2026", mail.subject)
        for expected in ("100.00", "0.09", "0.50", "100.41"):
            self.assertIn(expected, mail.body_html)
        self.assertEqual(
            mail.attachment_ids.mapped("name"), [f"usage_report_{self.wallet.account_ref}_2026-10-01_2026-10-31.xlsx"]
        )
        sheet = openpyxl.load_workbook(io.BytesIO(mail.attachment_ids.raw)).worksheets[0]
        amounts = [row[2] for row in sheet.iter_rows(values_only=True) if isinstance(row[2], float | int)]
        self.assertAlmostEqual(sum(amounts), 0.41, 6)
        self.assertEqual(len(amounts), 4)

    def test_the_month_ends_where_the_wallet_is(self):
        self._made_in("America/Los_Angeles")
        self._send(datetime(2026, 11, 1, 6))
        self.assertFalse(self._mails(self.wallet), "there it is still October")
        self._send()
        self.assertEqual(len(self._mails(self.wallet)), 1)

    def test_a_month_without_transactions_and_a_wallet_that_wants_none_send_nothing(self):
        quiet = self._make_wallet()
        quiet.statement_month = date(2026, 9, 1)
        self.wallet.monthly_statement = False
        self._send()
        self.assertFalse(self._mails(quiet) + self._mails(self.wallet))

    def test_a_new_wallet_is_not_sent_the_past(self):
        self.assertGreaterEqual(self._make_wallet().statement_month, date(2026, 10, 1))
