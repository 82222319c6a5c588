"""One event is one mail: what happens at once, or follows from the same call, is told together."""

from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import ValidationError

from .auto_topup_case import SETTINGS, AutoTopupCase
from .common import CallWalletCommon

ALERTS = "odoo.addons.call_wallet.models.auto_topup.call_wallet_alert"


class OnceCase(CallWalletCommon):
    def _send(self):
        """What the scheduled action does."""
        self.env["call.wallet.alert"]._cron_send()
        self.env.invalidate_all()

    def _mails(self):
        """The mails to the wallet's recipients, oldest first."""
        emails = self.wallet.recipient_ids.mapped("email")
        return self.env["mail.mail"].search([("email_to", "in", emails)], order="id")

    def _subjects(self):
        return self._mails().mapped("subject")


class TestBalanceAndLimits(OnceCase):
    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 12)
        self._mails().unlink()

    def _spend(self, *dollars):
        """Charge calls one after another, before any mail about them is sent (WhatsApp: 0.02 a minute)."""
        for amount in dollars:
            self._record(self._call(call_type="whatsapp", duration_seconds=round(amount * 3000)))

    def _call(self, **overrides):
        overrides["started_at"] = self.env.cr.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return super()._call(**overrides)

    def test_low_and_then_empty_before_any_mail_is_the_mail_about_stopped_calls(self):
        self._spend(3, 9)
        self.assertEqual(sorted(self._kinds()), ["empty", "low"])
        self._send()
        [subject] = self._subjects()
        self.assertIn("Calls stopped", subject)
        self._send()
        self.assertEqual(len(self._mails()), 1)

    def _kinds(self):
        return self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id)]).mapped("kind")

    def test_a_limit_nearly_reached_and_then_reached_is_one_mail(self):
        self.wallet.write({"low_balance_threshold": 0, "limit_day": 5})
        self._spend(4.2, 1)
        self.assertEqual(set(self._kinds()), {"limit_near", "limit_reached"})
        self._send()
        [subject] = self._subjects()
        self.assertIn("is reached", subject)

    def test_the_days_and_the_months_limit_reached_by_one_call_is_one_mail_about_the_month(self):
        self.wallet.write({"low_balance_threshold": 0, "limit_day": 5, "limit_month": 5})
        self._spend(5.2)
        self.assertEqual(self._kinds(), ["limit_reached"] * 2)
        self._send()
        [subject] = self._subjects()
        self.assertIn("This month's", subject)
        # What the mail did not say by name is in the wallet's history.
        history = " ".join(self.wallet.message_ids.mapped("body"))
        self.assertIn("Today's spending limit", history.replace("&#39;", "'"))

    def test_an_address_in_another_case_is_one_recipient(self):
        self.wallet.set_recipients(["Ana@Initrode.example"])
        self.env["call.wallet.recipient"].search([]).flush_recordset()
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.wallet.set_recipients(["Ana@Initrode.example", "ana@initrode.EXAMPLE"])
        self._spend(3)
        self._send()
        self.assertEqual(self._mails().mapped("email_to"), ["ana@initrode.example"])

    def test_an_owner_a_follower_and_a_contact_with_the_same_address_get_one_mail(self):
        contact = self.env["res.partner"].create(
            {"name": "Ana", "email": "ANA@initrode.example", "parent_id": self.partner.id}
        )
        owner = self.env["res.users"].create(
            {
                "name": "Ana",
                "login": "ana.once",
                "partner_id": contact.id,
                "group_ids": [(6, 0, self.env.ref("base.group_portal").ids)],
            }
        )
        self.wallet.owner_ids = owner
        self.wallet.message_subscribe(contact.ids)
        self.wallet.set_recipients(["ana@initrode.example", "bob@initrode.example"])
        self.env["mail.mail"].search([]).unlink()
        self._spend(3)
        self._send()
        mails = self.env["mail.mail"].search([])
        self.assertEqual(sorted(mails.mapped("email_to")), ["ana@initrode.example", "bob@initrode.example"])
        self.assertFalse(mails.recipient_ids)


class TestCardAndBalance(AutoTopupCase, OnceCase):
    """The balance falls below threshold and level at once: how charging the card went is told in the same mail."""

    def setUp(self):
        super().setUp()
        self.wallet.low_balance_threshold = 20
        self._mails().unlink()

    def _use(self, card):
        self.wallet.set_auto_topup(True, **SETTINGS, token_id=card.id, accept_mandate=True)

    def test_nothing_is_said_of_a_low_balance_that_the_card_makes_good_at_once(self):
        self._spend(12)
        self._send()
        self.assertEqual(self._subjects(), [])
        self._run()
        self.env["call.wallet.topup"]._cron_notify()
        self._send()
        [subject] = self._subjects()
        self.assertIn("Balance added", subject)

    def test_a_low_balance_and_a_declined_card_are_one_mail_about_the_card(self):
        self._use(self._save_card("error"))
        self._spend(12)
        self._send()
        self._run()
        self._send()
        [mail] = self._mails()
        self.assertIn("Automatic top-up failed", mail.subject)
        # 30 less 12 is what is left.
        self.assertIn("18.00", mail.body_html)
        alerts = self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id)])
        self.assertEqual(dict(alerts.mapped(lambda a: (a.kind, a.state))), {"low": "cancelled", "auto_failed": "sent"})

    def test_stopped_calls_and_a_declined_card_are_one_mail_that_says_both(self):
        self._use(self._save_card("error"))
        self._spend(30)
        self._send()
        self._run()
        self._send()
        [mail] = self._mails()
        self.assertIn("Calls stopped", mail.subject)
        self.assertIn("Automatic top-up failed", mail.body_html)
        self.assertTrue(self.wallet.activity_ids, "somebody has the task all the same")

    def test_a_card_that_is_not_charged_in_time_keeps_no_mail_back(self):
        self._spend(12)
        with patch(f"{ALERTS}.PATIENCE", timedelta(minutes=-1)):
            self._send()
        [subject] = self._subjects()
        self.assertIn("Low balance", subject)

    def test_while_the_card_is_not_tried_again_a_new_crossing_is_told_at_once(self):
        self._use(self._save_card("error"))
        self._spend(12)
        self._run()
        self._send()
        self._mails().unlink()
        self._spend(18)
        self._send()
        [subject] = self._subjects()
        self.assertIn("Calls stopped", subject)
