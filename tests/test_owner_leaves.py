"""An owner whose contact moves to another company, or to none: what they could do there ends at once."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user

from .auto_topup_case import AutoTopupCase
from .common import CallWalletCommon


class TestOwnerLeaves(CallWalletCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner, cls.second = (cls._person(name) for name in ("leaver", "stayer"))
        cls.wallet.owner_ids = cls.owner | cls.second
        cls.elsewhere = cls.env["res.partner"].create({"name": "Elsewhere", "is_company": True})
        cls.topup = cls.wallet.create_topup("50")
        cls._pay(cls, cls.topup.invoice_id)

    @classmethod
    def _person(cls, login):
        user = new_test_user(cls.env, login=login, password=login, groups="base.group_portal", name=login.title())
        user.partner_id.write({"parent_id": cls.partner.id, "email": f"{login}@initrode.example"})
        return user

    def _leave(self, company=None):
        self.owner.partner_id.parent_id = company
        self.env.invalidate_all()

    def _status(self, login, path):
        self.authenticate(login, login)
        return self.url_open(path, allow_redirects=False).status_code

    def _statuses(self, login="leaver"):
        base, invoice = f"/my/billing/{self.wallet.id}", self.topup.invoice_id
        paths = [
            base,
            f"{base}/transactions",
            f"{base}/receipt/{self.topup.id}",
            f"/call_wallet/usage_report/{self.wallet.id}?date_from=2026-10-01&date_to=2026-10-31&format=csv",
            f"/my/invoices/{invoice.id}",
        ]
        return [self._status(login, path) for path in paths]

    def _told(self):
        return self.wallet.activity_ids.filtered(lambda task: "not an owner any more" in (task.summary or ""))

    def assertSeesNothing(self):
        for status in self._statuses():
            self.assertIn(status, (303, 403, 404))
        wallet = self.wallet.with_user(self.owner)
        for model in ("call.wallet", "call.wallet.transaction", "call.wallet.topup", "call.wallet.recipient"):
            self.assertFalse(self.env[model].with_user(self.owner).search([]), model)
        moves = self.env["account.move"].with_user(self.owner)
        self.assertFalse(moves.search([("id", "=", self.topup.invoice_id.id)]))
        for refused in (
            lambda: wallet.create_topup("10"),
            lambda: wallet.set_recipients(["evil@elsewhere.example"]),
            lambda: wallet.set_auto_topup(False),
            lambda: wallet.billing_information(),
            lambda: wallet.add_owner(self.second.id),
            lambda: wallet.request_usage_report(),
        ):
            with self.assertRaises(AccessError):
                refused()

    def test_pages_reports_and_orders_end_at_once_and_the_others_keep_theirs(self):
        self.assertEqual(set(self._statuses()), {200})
        self._leave(self.elsewhere)
        self.assertSeesNothing()
        self.assertEqual(set(self._statuses("stayer")), {200})
        self.assertEqual(self.wallet.owner_ids, self.second)
        self.assertEqual(len(self._told()), 1)
        self.assertNotIn("Nobody owns", self._told().note)

    def _portal_dialog(self):
        wizard = self.env["portal.wizard"].create({"partner_ids": [(6, 0, self.owner.partner_id.ids)]})
        return wizard.user_ids

    def test_access_that_was_revoked_and_granted_again_is_no_role(self):
        self.wallet.set_recipients(["leaver@initrode.example", "billing@initrode.example"])
        self._portal_dialog().action_revoke_access()
        self.assertEqual(self.wallet.with_context(active_test=False).owner_ids, self.second)
        self.assertIn("portal was revoked", self._told().note)
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["billing@initrode.example"])
        self._portal_dialog().action_grant_access()
        self.assertTrue(self.owner.active)
        self.assertSeesNothing()

    def test_an_owner_who_becomes_an_employee_is_none_any_more(self):
        self.owner.group_ids = self.env.ref("base.group_user")
        self.assertEqual(len(self._told()), 1)
        self.owner.group_ids = self.env.ref("base.group_portal")
        self.assertEqual(self.wallet.current_owner_ids, self.second)

    def test_to_no_company_likewise(self):
        self._leave(False)
        self.assertSeesNothing()
        self.assertEqual(len(self._told()), 1)

    def test_of_the_last_owner_finance_is_told_that_nobody_is_left(self):
        self.wallet.owner_ids = self.owner
        self._leave(self.elsewhere)
        self.assertFalse(self.wallet.owner_ids)
        self.assertIn("Nobody owns the wallet now", self._told().note)

    def test_what_moved_past_odoo_is_noticed_when_it_is_used(self):
        self.assertEqual(set(self._statuses()), {200})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE res_partner SET parent_id = %(to)s, commercial_partner_id = %(to)s WHERE id = %(id)s",
            {"to": self.elsewhere.id, "id": self.owner.partner_id.id},
        )
        self.env.invalidate_all()
        self.assertSeesNothing()
        with self.assertRaisesRegex(UserError, "only owner"):
            self.wallet.with_user(self.second).remove_owner(self.second.id)

    def test_with_their_department_they_leave_too(self):
        team = self.env["res.partner"].create({"name": "Team", "parent_id": self.partner.id})
        self.owner.partner_id.parent_id = team
        self.assertIn(self.owner, self.wallet.owner_ids)
        team.parent_id = self.elsewhere
        self.env.invalidate_all()
        self.assertSeesNothing()
        self.assertEqual(len(self._told()), 1)

    def test_a_contact_merged_into_another_company_s(self):
        there = self.env["res.partner"].create({"name": "Leaver", "parent_id": self.elsewhere.id})
        merge = self.env["base.partner.merge.automatic.wizard"].create({})
        merge._merge([there.id, self.owner.partner_id.id], there, extra_checks=False)
        self.env.invalidate_all()
        self.assertEqual(self.owner.partner_id, there)
        self.assertSeesNothing()
        self.assertEqual(len(self._told()), 1)

    def test_a_report_that_was_made_for_them_is_not_theirs_any_more(self):
        job = self.wallet.with_user(self.owner).request_usage_report(format="csv")
        self.env["call.usage.report.job"]._cron_make()
        self.env.invalidate_all()
        path, jobs = f"/call_wallet/usage_report/job/{job.id}", self.env["call.usage.report.job"].with_user(self.owner)
        self.assertEqual((self._status("leaver", path), jobs.search([])), (200, job))
        self._leave(self.elsewhere)
        self.assertEqual((self._status("leaver", path), jobs.search([])), (403, jobs))

    def test_what_they_are_told_of_ends_but_the_last_address_stays(self):
        self.wallet.set_recipients(["leaver@initrode.example", "billing@initrode.example"])
        self.wallet.billing_email = "leaver@initrode.example"
        self._leave(self.elsewhere)
        self.assertFalse(self.wallet.billing_email)
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["billing@initrode.example"])
        self.wallet.set_recipients(["stayer@initrode.example"])
        self.second.partner_id.parent_id = self.elsewhere
        self.env.invalidate_all()
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["stayer@initrode.example"])
        self.assertTrue(self.wallet.is_set_up)
        self.assertIn("enter another address", " ".join(self._told().mapped("note")))

    def test_who_is_archived_or_deleted_owns_nothing_and_is_told_nothing(self):
        self.wallet.set_recipients(["leaver@initrode.example", "billing@initrode.example"])
        invoice = self.wallet.with_user(self.owner).create_topup("10").sudo().invoice_id
        invoice.message_subscribe(self.owner.partner_id.ids)  # as whoever writes something there
        self.owner.active = False
        followers = self.env["mail.followers"].search([("res_model", "=", "account.move"), ("res_id", "=", invoice.id)])
        self.assertNotIn(self.owner.partner_id, followers.partner_id)
        self.assertEqual(self.wallet.with_context(active_test=False).owner_ids, self.second)
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["billing@initrode.example"])
        self.assertIn("cannot sign in any more", self._told().note)
        # Who comes back is made an owner by a person.
        self.owner.active = True
        self.assertFalse(self.env["call.wallet"].with_user(self.owner).search([]))
        self.second.unlink()
        self.assertFalse(self.wallet.owner_ids)
        self.assertIn("Nobody owns the wallet now", " ".join(self._told().mapped("note")))

    def test_whoever_is_told_and_leaves_is_told_no_more_owner_or_not(self):
        def told():
            self.env.invalidate_all()
            tasks = self.wallet.activity_ids.filtered(lambda task: "not with Initrode any more" in (task.summary or ""))
            return self.wallet.recipient_ids.mapped("email"), " ".join(tasks.mapped("note"))

        ann, bea = self.env["res.partner"].create(
            [{"name": n, "parent_id": self.partner.id, "email": f"{n}@initrode.example"} for n in ("ann", "bea")]
        )
        shared = self.env["res.partner"].create(
            [{"name": n, "parent_id": self.partner.id, "email": "desk@initrode.example"} for n in ("cal", "dan")]
        )
        self.wallet.set_recipients(["ann@initrode.example", "bea@initrode.example", "desk@initrode.example"])
        ann.parent_id = self.elsewhere
        self.assertEqual(told()[0], ["bea@initrode.example", "desk@initrode.example"])
        shared[0].parent_id = False
        self.assertEqual(told()[0], ["bea@initrode.example", "desk@initrode.example"], "a colleague has it, too")
        bea.active = False
        self.assertEqual(told()[0], ["desk@initrode.example"])
        self.assertNotIn("enter another address", told()[1])
        shared[1].active = False
        self.assertEqual(told()[0], ["desk@initrode.example"], "without any the wallet would stop")
        self.assertIn("desk@initrode.example alone is told", told()[1])

    def test_an_owner_there_is_no_owner_here_again(self):
        theirs = self._make_wallet(partner_id=self.elsewhere.id)
        self._leave(self.elsewhere)
        theirs.with_user(self._make_user("leaves-finance", "finance")).add_owner(self.owner.id)
        self.assertEqual(self.env["call.wallet"].with_user(self.owner).search([]), theirs)
        self.assertEqual(self._status("leaver", f"/my/billing/{theirs.id}"), 200)
        self.assertEqual(self._status("leaver", f"/my/billing/{self.wallet.id}"), 404)

    def test_whoever_was_made_an_owner_from_elsewhere_stays_until_they_move(self):
        accountant = self._person("books")
        accountant.partner_id.parent_id = self.elsewhere
        self.wallet.owner_ids |= accountant
        self.assertEqual(self._status("books", f"/my/billing/{self.wallet.id}"), 200)
        accountant.partner_id.parent_id = False
        self.env.invalidate_all()
        self.assertEqual(self._status("books", f"/my/billing/{self.wallet.id}"), 404)
        self.assertNotIn(accountant, self.wallet.owner_ids)


class TestSavedCardsOfWhoLeft(AutoTopupCase):
    def test_a_card_saved_for_the_wallet_is_charged_by_nobody_any_more(self):
        owner = new_test_user(self.env, login="card-owner", groups="base.group_portal")
        owner.partner_id.parent_id = self.partner
        self.wallet.owner_ids = owner
        theirs = self._make_wallet()
        card = self._save_card(partner=owner.partner_id)
        private = self._save_card(partner=owner.partner_id)
        self.wallet.with_user(owner).set_auto_topup(
            True, level="20", amount="50", monthly_cap="200", token_id=card.id, accept_mandate=True
        )
        owner.partner_id.parent_id = theirs.partner_id
        self.env.invalidate_all()
        # Another one in their own name has nothing to do with the wallet.
        self.assertEqual((card.active, private.active), (False, True))
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", "card_removed"))
        self.assertNotIn(card, theirs._payment_tokens())
        [task] = self.wallet.activity_ids.filtered(lambda task: "not an owner any more" in (task.summary or ""))
        self.assertIn("Cards that they had saved were removed", task.note)
