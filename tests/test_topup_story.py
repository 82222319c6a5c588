"""What happened to a top-up, as the back office tells it from the documents that it left."""

from odoo.tests import new_test_user

from .auto_topup_case import AutoTopupCase
from .common import CallWalletCommon
from .stripe_case import StripeFakeCase
from .test_topup_unfunded import SettlementCase


def told(topup):
    """The events of a top-up's story as (kind, amount), amounts as text or False."""
    topup.env.invalidate_all()
    [story] = topup.story
    return [(event["kind"], event["amount"]) for event in story["events"]]


def event(topup, kind):
    [story] = topup.story
    [found] = [one for one in story["events"] if one["kind"] == kind]
    return found


ORDERED = [("asked", "100.000000"), ("terms", False), ("invoiced", "100.000000")]


class TestTopupStory(CallWalletCommon):
    def setUp(self):
        super().setUp()
        self.topup = self.wallet.create_topup("100")
        self.today = self.company._call_wallet_today()

    def test_one_that_waits_says_what_is_still_to_be_paid(self):
        self.assertEqual(told(self.topup), ORDERED)
        [story] = self.topup.story
        self.assertEqual((story["missing"], story["tz"]), ("100.000000", "UTC"))
        self.assertEqual(story["currency"]["name"], "USD")

    def test_two_payments_are_two_each_with_its_credit_and_its_document(self):
        payments = self._pay(self.topup.invoice_id, 40)
        payments |= self._pay(self.topup.invoice_id, 60)
        self.assertEqual(
            told(self.topup),
            [*ORDERED, ("paid", "40.000000"), ("paid", "60.000000"),
             ("credited", "40.000000"), ("credited", "60.000000")],
        )  # fmt: skip
        [story] = self.topup.story
        self.assertFalse(story["missing"])
        about = [(one["model"], one["res_id"]) for one in story["events"] if one["kind"] == "paid"]
        self.assertEqual(about, [("account.payment", payment.id) for payment in payments])

    def test_a_payment_of_an_earlier_day_has_that_day_and_no_time(self):
        self.topup.invoice_id.button_draft()
        self.topup.invoice_id.invoice_date = self.topup.invoice_id.date = "2026-01-05"
        self.topup.invoice_id.action_post()
        wizard = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.topup.invoice_id.ids
        )
        wizard.create({"payment_date": "2026-01-07"})._create_payments()
        paid, credited = event(self.topup, "paid"), event(self.topup, "credited")
        self.assertEqual((paid["day"], paid["at"], credited["day"]), ("2026-01-07", False, False))
        self.assertTrue(credited["at"])

    def test_a_payment_that_is_undone_stays_in_the_story(self):
        payment = self._pay(self.topup.invoice_id)
        payment.action_draft()
        payment.action_cancel()
        kinds = [kind for kind, _amount in told(self.topup)]
        self.assertEqual(sorted(kinds), sorted(["asked", "terms", "invoiced", "credited", "taken", "undone"]))
        self.assertIn(("taken", "-100.000000"), told(self.topup))
        self.assertEqual(event(self.topup, "undone")["res_id"], payment.id)

    def test_paying_back_is_a_credit_note_and_what_it_takes(self):
        self._pay(self.topup.invoice_id)
        note = self.topup.pay_back("30", "Leaving")
        # Documents of one transaction bear one time; in a test all are of one.
        self.assertCountEqual(
            told(self.topup)[3:],
            [("paid", "100.000000"), ("credited", "100.000000"), ("note", "-30.000000"), ("taken", "-30.000000")],
        )
        self.assertEqual(event(self.topup, "note")["res_id"], note.id)
        self.assertIn("Leaving", event(self.topup, "note")["detail"])
        [story] = note.call_wallet_story
        self.assertEqual(story["id"], self.topup.id)

    def test_a_cancelled_order_ends_with_that(self):
        self.topup.cancel_order()
        self.assertEqual(told(self.topup), [*ORDERED, ("cancelled", False)])

    def test_a_mail_to_the_customer_is_told_and_a_note_among_colleagues_is_not(self):
        invoice = self.topup.invoice_id
        invoice.message_post(body="Call them", message_type="comment", partner_ids=self.env.user.partner_id.ids)
        invoice.message_post(
            body="Please pay", subject="Pay $ 100.00", message_type="comment", partner_ids=self.partner.ids
        )
        mailed = event(self.topup, "mailed")
        self.assertIn("Pay $ 100.00", mailed["title"])
        self.assertIn("billing@initrode.example", mailed["detail"])

    def test_an_account_manager_reads_it_without_the_books_and_without_the_address(self):
        self._pay(self.topup.invoice_id)
        self.topup.accepted_from = "192.0.2.7"
        manager = new_test_user(self.env, login="story.manager", groups="call_wallet.group_account_manager")
        theirs = self.topup.with_user(manager)
        self.assertEqual([kind for kind, _amount in told(theirs)][3:], ["paid", "credited"])
        self.assertFalse(event(theirs, "paid")["model"])
        self.assertNotIn("192.0.2.7", event(theirs, "terms")["detail"])
        finance = new_test_user(self.env, login="story.finance", groups="call_wallet.group_finance")
        self.assertIn("192.0.2.7", event(self.topup.with_user(finance), "terms")["detail"])

    def test_an_invoice_that_is_no_top_up_s_has_no_story_and_no_wallet(self):
        invoice = self.env["account.move"].create(
            {"move_type": "out_invoice", "partner_id": self.partner.id, "invoice_line_ids": []}
        )
        self.assertFalse(invoice.call_wallet_story)
        self.assertFalse(invoice.call_wallet_total)


class TestStoryOfDecisions(SettlementCase):
    def test_a_write_off_its_release_and_its_reversal(self):
        topup = self.wallet.create_topup("100")
        today = self.company._call_wallet_today()
        self._write_off(topup, 100, day=today)
        entry = topup.release_unfunded("Insolvent")
        self.assertEqual(told(topup)[3:], [("settled", "100.000000"), ("released", "-100.000000")])
        self.assertIn("Insolvent", event(topup, "released")["detail"])
        entry._reverse_moves([{"date": today}], cancel=True)
        self.env.invalidate_all()
        self.assertIn("reversed", event(topup, "released")["title"])

    def test_what_is_counted_as_received_is_credited(self):
        topup = self.wallet.create_topup("100")
        self._write_off(topup, 100, day=self.company._call_wallet_today())
        topup.count_settlement("Set off")
        self.assertCountEqual(
            told(topup)[3:], [("settled", "100.000000"), ("counted", "100.000000"), ("credited", "100.000000")]
        )


class TestStoryOfAutoTopup(AutoTopupCase):
    def test_it_says_why_the_card_was_charged(self):
        self._spend("15")
        self._run()
        [topup] = self.wallet.topup_ids
        asked = event(topup, "asked")
        # 30 less 15.
        self.assertIn("$\xa015.00", asked["detail"])
        self.assertIn("$\xa020.00", asked["detail"])
        self.assertIn("4242", event(topup, "paid")["detail"])


class TestStoryOfDisputes(StripeFakeCase):
    def test_a_dispute_that_is_lost(self):
        topup, _transaction, charge = self._charged()
        dispute = self.fake.money_back.open_dispute(charge["id"])
        self.fake.money_back.withdraw(dispute["id"])
        self._deliver_all("charge.dispute.created", "charge.dispute.funds_withdrawn")
        self.assertLessEqual(
            {("disputed", "100.000000"), ("taken", "-100.000000"), ("credited", "100.000000")}, set(told(topup))
        )
