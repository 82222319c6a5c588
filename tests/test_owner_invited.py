"""Owners of a wallet who are invited from its form, by Odoo's own portal invitation."""

from datetime import datetime

from odoo import Command
from odoo.exceptions import AccessError, UserError

from .common import CallWalletCommon


class TestOwnerInvited(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance = cls._make_user("invite.finance", "finance")
        cls.finance.group_ids = [Command.link(cls.env.ref("base.group_partner_manager").id)]
        cls.person = cls.env["res.partner"].create(
            {"name": "Iris New", "parent_id": cls.partner.id, "email": "iris@initrode.example"}
        )

    def _invite(self, user=None, **values):
        values = {"wallet_id": self.wallet.id, "partner_id": self.person.id, **values}
        return self.env["call.wallet.invite"].with_user(user or self.finance).create(values).action_invite()

    def test_a_contact_gets_access_a_mail_and_the_role(self):
        self.assertFalse(self.person.user_ids)
        self._invite()
        user = self.person.user_ids
        self.assertEqual((user.login, user._is_portal()), ("iris@initrode.example", True))
        self.assertIn(user, self.wallet.current_owner_ids)
        self.assertEqual(self.wallet.owner_access, "Iris New: not logged in yet")
        self.env["res.users.log"].with_user(user).sudo().create({})
        self.env.flush_all()
        moment = datetime(2026, 10, 14, 22, 5)
        self.env.cr.execute("UPDATE res_users_log SET create_date = %s WHERE create_uid = %s", [moment, user.id])
        self.env.invalidate_all()
        self.assertIn("logged in on", self.wallet.owner_access)
        self.assertIn("10/14/26", self.wallet.owner_access)

    def test_another_address_is_used_when_it_is_typed(self):
        self._invite(email="iris.new@initrode.example")
        self.assertEqual(self.person.user_ids.login, "iris.new@initrode.example")
        self.assertEqual(self.person.email, "iris.new@initrode.example")

    def test_whoever_has_access_already_is_made_an_owner(self):
        self._invite()
        other = self._make_wallet(
            partner_id=self.partner.id, currency_id=self._set_rate("EUR", "0.8").id, rate_plan_id=False
        )
        self._invite(wallet_id=other.id)
        self.assertIn(self.person.user_ids, other.current_owner_ids)
        self.assertEqual(len(self.person.user_ids), 1)

    def test_whoever_lost_access_is_invited_anew(self):
        self._invite()
        portal = self.env["portal.wizard"].create({"partner_ids": [Command.set(self.person.ids)]})
        portal.user_ids.action_revoke_access()
        self.assertFalse(self.wallet.current_owner_ids)
        self._invite()
        self.assertEqual(self.person.user_ids, self.wallet.current_owner_ids)
        self.assertTrue(self.person.user_ids._is_portal())

    def test_strangers_and_addresses_of_others_are_refused(self):
        stranger = self.env["res.partner"].create({"name": "Stranger", "email": "stranger@elsewhere.example"})
        with self.assertRaisesRegex(UserError, "choose a contact of Initrode"):
            self._invite(partner_id=stranger.id)
        with self.assertRaisesRegex(UserError, "valid email"):
            self._invite(email="no address")
        with self.assertRaisesRegex(UserError, "same email"):
            self._invite(email=self._make_user("taken@initrode.example", "base.group_portal").login)
        self.assertFalse(self.person.user_ids)

    def test_who_may_create_no_contacts_invites_nobody(self):
        clerk = self._make_user("invite.clerk", "finance")
        with self.assertRaises(AccessError):
            self._invite(user=clerk)
        manager = self._make_user("invite.manager", "account_manager")
        with self.assertRaises(AccessError):
            self._invite(user=manager)
        self.assertFalse(self.person.user_ids)
