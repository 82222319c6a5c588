"""Automatic top-up: who may set it, its bounds, and the consent that it needs."""

from hashlib import sha256

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger
from psycopg2 import errors

from .auto_topup_case import AutoTopupCase


@tagged("post_install", "-at_install", "standard")
class TestAutoTopupSettings(AutoTopupCase):
    def _set(self, **changes):
        return self.wallet.set_auto_topup(True, **{"accept_mandate": True, **changes})

    def test_each_field_is_checked_and_named(self):
        cases = [
            ({"level": "-1"}, "Level"),
            ({"level": "401"}, "Level"),
            ({"level": "ten"}, "Level"),
            ({"level": "nan"}, "Level"),
            ({"amount": "0"}, "Amount"),
            ({"amount": ""}, "Amount"),
            ({"amount": True}, "Amount"),
            ({"amount": "50.001"}, "Amount"),
            ({"amount": "100000.01", "monthly_cap": "100001"}, "Amount"),
            ({"monthly_cap": "0"}, "Monthly cap"),
            ({"monthly_cap": "49"}, "Monthly cap"),
            ({"monthly_cap": "10000.01"}, "Monthly cap"),
            ({"token_id": 0}, "Card"),
            ({"token_id": "x"}, "Card"),
            ({"accept_mandate": False}, "Consent"),
            ({"accept_mandate": "yes"}, "Consent"),
        ]
        for changes, field in cases:
            with self.subTest(changes=changes), self.assertRaisesRegex(UserError, f"^{field}: "):
                self._set(**changes)
        self.assertEqual((self.wallet.auto_topup_level, self.wallet.auto_topup_amount), (20, 50))
        self.assertEqual(len(self.wallet.mandate_ids), 1, "a refusal is no consent")

    def test_the_cap_covers_one_charge_with_its_tax(self):
        tax = self.env["account.tax"].create({"name": "Ten", "amount": 10, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        with self.assertRaisesRegex(UserError, "Monthly cap.*55"):
            self._set(monthly_cap="54.99")
        self._set(monthly_cap="55")

    def test_a_card_of_another_customer_is_refused(self):
        other = self._save_card(partner=self.env["res.partner"].create({"name": "Somebody", "is_company": True}))
        with self.assertRaisesRegex(UserError, "Card"):
            self._set(token_id=other.id)

    def test_a_card_that_a_colleague_saved_for_the_wallet_is_accepted(self):
        colleague = self.env["res.partner"].create({"name": "Colleague", "parent_id": self.partner.id})
        card = self._save_card(partner=colleague)
        with self.assertRaisesRegex(UserError, "Card: choose one of the saved cards"):
            self._set(token_id=card.id)
        self._save_for(self.wallet, card)
        self._set(token_id=card.id)
        self._spend("15")
        self._run()
        self.assertEqual(self._attempts().mapped("state"), ["done"])
        self.assertBalance(self.wallet, 65)

    def test_consent_is_kept_with_its_words_and_amounts_and_cannot_be_changed(self):
        self._set(level="25")
        self.wallet.set_auto_topup(False)
        off, on, _first = self.wallet.mandate_ids
        self.assertEqual((off.action, on.action), ("off", "on"))
        self.assertEqual((on.level, on.amount, on.monthly_cap, on.token_id), (25, 50, 400, self.card))
        self.assertEqual(on.user_id, self.env.user)
        for word in ("25.00", "50.00", "400.00", self.card.display_name, self.wallet.account_ref):
            self.assertIn(word, on.body)
        self.assertEqual(on.fingerprint, sha256(on.body.encode()).hexdigest())
        with self.assertRaises(UserError):
            on.level = 1
        with self.assertRaises(UserError):
            on.unlink()
        with self.assertRaises(errors.RestrictViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.env.cr.execute("UPDATE call_wallet_mandate SET level = 1 WHERE id = %s", [on.id])

    def test_the_words_are_shown_before_they_are_agreed_to(self):
        words = self.wallet.auto_topup_mandate("25", "60", "300", self.card.id)
        self._set(level="25", amount="60", monthly_cap="300")
        self.assertEqual(self.wallet.mandate_ids[:1].body, words)

    def test_owners_and_finance_may_and_others_may_not(self):
        owner = new_test_user(self.env, login="auto-owner", groups="base.group_portal")
        colleague = new_test_user(self.env, login="auto-colleague", groups="base.group_portal")
        (owner | colleague).partner_id.parent_id = self.partner
        self.wallet.owner_ids = owner
        finance = self._make_user("auto-finance", "finance")
        manager = self._make_user("auto-manager", "account_manager")
        for user in (owner, finance):
            self.assertTrue(self.wallet.with_user(user).set_auto_topup(True, level="21", accept_mandate=True))
            self.assertEqual(self.wallet.mandate_ids[:1].user_id, user)
        for user in (colleague, manager):
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).set_auto_topup(False)
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).auto_topup_now(joined=True)
        for user in (finance, manager):
            with self.assertRaises(UserError):
                self.wallet.with_user(user).write({"auto_topup_state": "off"})
            with self.assertRaises(AccessError):
                self.env["call.wallet.mandate"].with_user(user).create({"wallet_id": self.wallet.id, "action": "on"})
        self._spend("15")
        self._run()
        self.assertTrue(self._attempts().with_user(owner).sentence)
        self.assertFalse(self.log.with_user(colleague).search([]))
        with self.assertRaises(AccessError):
            self._attempts().with_user(finance).write({"state": "failed"})

    def test_finance_sets_it_up_in_a_dialog(self):
        finance = self._make_user("auto-dialog", "finance")
        self.wallet.set_auto_topup(False)
        wizard = self.env["call.wallet.auto.topup.wizard"].with_user(finance)
        wizard = wizard.with_context(default_wallet_id=self.wallet.id).create({"level": 22})
        self.assertEqual((wizard.amount, wizard.monthly_cap, wizard.token_id), (50, 400, self.card))
        self.assertIn("22.00", wizard.mandate)
        with self.assertRaisesRegex(UserError, "Consent"):
            wizard.action_switch_on()
        wizard.accept_mandate = True
        wizard.action_switch_on()
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_level), ("on", 22))


@tagged("post_install", "-at_install", "standard")
class TestAutoTopupPortal(AutoTopupCase, HttpCase):
    """The owner's page."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(cls.env, login="auto-portal", password="auto-portal", groups="base.group_portal")
        cls.owner.partner_id.parent_id = cls.partner
        cls.wallet.owner_ids = cls.owner
        cls.path = f"/my/billing/{cls.wallet.id}/auto"

    def setUp(self):
        super().setUp()
        self.authenticate("auto-portal", "auto-portal")

    def _post(self, **values):
        from odoo import http

        data = {"csrf_token": http.Request.csrf_token(self), **values}
        response = self.url_open(self.path, data=data, allow_redirects=False)
        self.env.invalidate_all()
        return response

    def test_it_shows_settings_state_and_what_was_charged(self):
        self._spend("15")
        self._run()
        page = self.url_open(self.path).text
        for expected in (
            "4242",
            "$ 20.00",
            "50.00",
            "400.00",
            "Charged this month",
            "Top up $ 50.00",
            "Switch off",
            "was charged to",
        ):
            self.assertIn(expected.replace("$ ", "$\N{NO-BREAK SPACE}"), page)

    def test_it_is_switched_on_and_off(self):
        self.assertEqual(self._post(action="off").status_code, 303)
        self.assertEqual(self.wallet.auto_topup_state, "off")
        response = self._post(
            level="30", amount="75", monthly_cap="300", token_id=str(self.card.id), accept_mandate="on"
        )
        self.assertEqual(response.status_code, 303)
        self.assertEqual(self.wallet.auto_topup_state, "on")
        self.assertEqual((self.wallet.auto_topup_level, self.wallet.auto_topup_amount), (30, 75))
        consent = self.wallet.mandate_ids[:1]
        self.assertEqual((consent.user_id, consent.address), (self.owner, "127.0.0.1"))
        self.assertTrue(consent.user_agent)

    def test_bad_input_is_answered_by_field_and_changes_nothing(self):
        response = self._post(level="-5", amount="abc", monthly_cap="20", token_id="999999999")
        self.assertEqual(response.status_code, 200)
        for expected in ("Level: use zero or more", "Amount: ", "Card: choose", "Consent: agree", 'value="abc"'):
            self.assertIn(expected, response.text)
        self.assertEqual((self.wallet.auto_topup_level, self.wallet.auto_topup_state), (20, "on"))

    def test_without_a_saved_card_it_says_how_to_save_one(self):
        self.card.active = False
        page = self.url_open(self.path).text
        self.assertIn("Save a card first", page)
        self.assertNotIn("Switch on automatic", page)

    def test_nobody_else_sees_or_changes_it(self):
        stranger = new_test_user(self.env, login="auto-stranger", password="auto-stranger", groups="base.group_portal")
        stranger.partner_id.parent_id = self.partner
        self.authenticate("auto-stranger", "auto-stranger")
        self.assertEqual(self.url_open(self.path).status_code, 404)
        self.assertEqual(self._post(action="off").status_code, 404)
        self.assertEqual(self.wallet.auto_topup_state, "on")
        other = self._make_wallet()
        other.owner_ids = [Command.link(stranger.id)]
        self.assertEqual(self._post(action="off").status_code, 404)
