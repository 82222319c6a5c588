"""A wallet with everything on it, and one user of each role."""

from contextlib import contextmanager

from odoo.tests import new_test_user

from .common import CallWalletCommon
from .roles_table import ROLES


class RolesCase(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {letter: cls._user(letter, group) for letter, (_name, group) in ROLES.items()}
        cls.third = cls._user("third", "base.group_portal")
        (cls.users["O"] | cls.users["C"] | cls.third).partner_id.write({"parent_id": cls.partner.id})
        cls.wallet.owner_ids = cls.users["O"]
        cls._fund(cls, cls.wallet, "100")
        cls.topup = cls.wallet.create_topup("50")
        cls._pay(cls, cls.topup.invoice_id)
        cls.usage.record_calls([cls._call(cls, call_ref="first")])
        cls.usage_record = cls.usage.search([("wallet_id", "=", cls.wallet.id)])
        cls.row = cls.env["call.wallet.transaction"].search([("wallet_id", "=", cls.wallet.id)], limit=1)
        cls.day = cls.env["call.wallet.day"].search([("wallet_id", "=", cls.wallet.id)], limit=1)
        cls.rate = cls.plan.rate_ids[0]
        cls.other = cls._make_wallet()
        cls._fund(cls, cls.other, "10")
        cls.usage.record_calls([cls._call(cls, account=cls.other.account_ref, call_ref="theirs")])
        cls.foreign = cls._make_wallet(company_id=cls.env["res.company"].create({"name": "Elsewhere"}).id)
        cls.env.flush_all()

    @classmethod
    def _user(cls, letter, group):
        if letter == "X":
            return cls.env.ref("base.public_user")
        return new_test_user(cls.env, login=f"role-{letter}", groups=group, email=f"{letter}@roles.example")

    @property
    def user(self):
        """Who carries the action out; asking makes it one that is arranged for each role anew."""
        self._asked_for_user = True
        return self._user_now

    def each_role(self, action, roles=ROLES):
        """Arrange what the action needs, and yield (role, records, arguments); undo all of it after each."""
        self._asked_for_user, self._user_now = False, self.users[next(iter(roles))]
        with self.undone():
            arranged = action.records(self), action.arguments(self)
            self.env.flush_all()
            needs_the_user = self._asked_for_user
            if not needs_the_user:
                for role in roles:
                    self._user_now = self.users[role]
                    with self.undone():
                        yield role, *arranged
        if needs_the_user:
            for role in roles:
                self._user_now = self.users[role]
                with self.undone():
                    arranged = action.records(self), action.arguments(self)
                    self.env.flush_all()
                    yield role, *arranged

    @contextmanager
    def undone(self):
        with self.cr.savepoint() as savepoint:
            yield
            savepoint.rollback()
        self.env.invalidate_all(flush=False)
        self.env.cr.precommit.data.clear()

    def house_wallet(self):
        """The company's own wallet, with funds."""
        partner = self.company.partner_id
        wallet = self.env["call.wallet"].search(
            [("partner_id", "=", partner.id), ("company_id", "=", self.company.id)], limit=1
        ) or self._make_wallet(partner_id=partner.id)
        self._fund(wallet, 20)
        return wallet
