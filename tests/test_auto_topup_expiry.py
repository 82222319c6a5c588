"""The end of the card that automatic top-up charges."""

from datetime import date, datetime

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from .stripe_case import StripeFakeCase


@tagged("post_install", "-at_install", "standard")
class TestCardExpiry(StripeFakeCase):
    """The card is good until the end of November 2026."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(cls.env, login="expiry", password="expiry", groups="base.group_portal", lang="en_US")
        cls.owner.partner_id.parent_id = cls.partner
        cls.wallet.owner_ids = cls.owner

    def setUp(self):
        super().setUp()
        self.token = self._card_until(2026, 11)
        self._fund(self.wallet, "5")
        self._switch_on(self.token)

    def _card_until(self, year, month):
        token = self._save_card()
        self.fake.store.get("payment_method", token.stripe_payment_method)["card"].update(
            exp_year=year, exp_month=month
        )
        return token

    def _switch_on(self, token):
        self.wallet.set_auto_topup(
            True, level="20", amount="50", monthly_cap="200", token_id=token.id, accept_mandate=True
        )

    def _look(self, day):
        with recorded_at(datetime.fromisoformat(f"{day} 12:00:00")):
            found = self.env["call.wallet"]._cron_auto_topup_cards()
        self.env["call.wallet.alert"]._cron_send()
        return found

    def _mails(self):
        return self.env["mail.mail"].search([("subject", "ilike", "expires on")], order="id")

    def _pages(self):
        self.authenticate("expiry", "expiry")
        return [self.url_open(f"/my/billing/{self.wallet.id}/{page}").text for page in ("cards", "auto")]

    def test_recipients_are_told_once_a_month_before(self):
        self.assertEqual(self._look("2026-10-30"), 0)
        self.assertEqual(self.token.call_wallet_expires_on, date(2026, 11, 30))
        for day in ("2026-10-31", "2026-11-01", "2026-11-30"):
            self.assertEqual(self._look(day), 1)
        [mail] = self._mails()
        self.assertIn("11/30/2026", mail.subject)
        self.assertIn(f"/my/billing/{self.wallet.id}/auto", mail.body_html)
        self.assertEqual(self.wallet.auto_topup_state, "on")

    def test_the_pages_show_until_when_a_card_is_valid(self):
        for token in (self._card_until(2041, 3), self._card_until(2020, 5)):
            token._call_wallet_refresh_apart()
        for page in self._pages():
            self.assertIn("Expires 03/2041", page)
            self.assertIn("Expired 05/2020", page)

    def test_after_its_end_it_is_not_charged_and_another_card_arms_it_again(self):
        self._look("2026-11-15")
        with recorded_at(datetime(2026, 12, 1, 12)):
            self.env["call.wallet"]._cron_auto_topup()
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", "card_expired"))
        self.assertFalse(self.fake.store.find("payment_intent"))
        self.assertIn("has expired", self.wallet.auto_topup_status)
        with recorded_at(datetime(2026, 12, 1, 12)):
            with self.assertRaisesRegex(UserError, "expired"):
                self._switch_on(self.token)
            self._switch_on(self._card_until(2031, 5))
            self.env["call.wallet"]._cron_auto_topup()
        self.assertBalance(self.wallet, 55)

    def test_a_card_that_the_bank_has_renewed_goes_on(self):
        self._look("2026-11-15")
        self.fake.store.get("payment_method", self.token.stripe_payment_method)["card"]["exp_year"] = 2029
        with recorded_at(datetime(2026, 12, 1, 12)):
            self.env["call.wallet"]._cron_auto_topup()  # before anybody has looked at the card again
        self.assertEqual(self.wallet.auto_topup_state, "on")
        self.assertBalance(self.wallet, 55)
        self.assertEqual(self._look("2026-12-02"), 0)

    def test_a_card_that_was_renewed_later_may_be_chosen_again(self):
        self._look("2026-11-15")
        self._look("2026-12-01")
        self.assertEqual(self.wallet.auto_topup_reason, "card_expired")
        self.fake.store.get("payment_method", self.token.stripe_payment_method)["card"]["exp_year"] = 2029
        with recorded_at(datetime(2026, 12, 3, 12)):
            self._switch_on(self.token)
        self.assertEqual(self.wallet.auto_topup_state, "on")

    def test_a_notice_that_waits_is_not_sent_after_switching_off(self):
        with recorded_at(datetime(2026, 11, 15, 12)):
            self.env["call.wallet"]._cron_auto_topup_cards()
        self.wallet.set_auto_topup(False)
        self.env["call.wallet.alert"]._cron_send()
        self.assertFalse(self._mails())

    def test_without_an_answer_what_is_known_stays(self):
        self._look("2026-11-15")
        self.fake.control.next("drop", "/payment_methods", times=3)
        self._look("2026-11-16")
        self.assertEqual(self.token.call_wallet_expires_on, date(2026, 11, 30))

    def test_a_card_saved_on_stripes_page_is_known_at_once(self):
        topup = self.wallet.create_topup("30")
        transaction, session = self._pay_by_page(topup, save_card=True)
        self.fake.checkout.pay(session, "4242424242424242")
        self.url_open(self.fake.store.get("checkout.session", session)["success_url"], allow_redirects=False)
        self.assertEqual(transaction.token_id.call_wallet_expires_on, date(2034, 12, 31))
