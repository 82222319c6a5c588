"""A wallet's status, recipients, pauses and estimates; who may do what with it (product S1 to S5)."""

from datetime import date, timedelta
from decimal import Decimal

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestStatus(CallWalletCommon):
    def test_a_new_wallet_is_not_set_up(self):
        wallet = self._make_wallet(recipients=())
        self.assertEqual((wallet.state, wallet.balance, wallet.available_balance), ("not_set_up", 0, 0))
        self.assertIn("recipient", wallet.status_meaning)

    def test_a_wallet_is_paused_without_funds_and_active_with_them(self):
        self.assertEqual(self.wallet.state, "paused")
        self._fund(self.wallet, 20)
        self.assertEqual(self.wallet.state, "active")

    def test_funds_do_not_set_a_wallet_up(self):
        wallet = self._make_wallet(recipients=())
        self._fund(wallet, 20)
        self.assertEqual((wallet.state, wallet.balance), ("not_set_up", 20))
        wallet.set_recipients(["a@b.example"])
        self.assertEqual(wallet.state, "active")

    def test_the_balance_used_up_pauses_and_new_funds_resume(self):
        self._fund(self.wallet, "0.025")
        self._record(self._call())
        self.env.invalidate_all()
        self.assertEqual((self.wallet.balance, self.wallet.state), (0, "paused"))
        self._fund(self.wallet, 5)
        self.assertEqual(self.wallet.state, "active")

    def test_a_top_up_resumes_calls_when_its_payment_lands(self):
        topup = self.wallet.create_topup(50)
        self.assertEqual((self.wallet.balance, self.wallet.state), (0, "paused"))
        self._pay(topup.invoice_id)
        self.env.invalidate_all()
        self.assertEqual((self.wallet.balance, self.wallet.state), (50, "active"))
        self._fund(self.wallet, 25, by="topup")
        self.assertBalance(self.wallet, 75)
        self.assertSound(self.wallet)

    def test_funds_do_not_lift_a_pause_by_hand(self):
        self._fund(self.wallet, 5)
        self.wallet.action_pause("Unusual traffic")
        self.assertEqual(self.wallet.state, "paused")
        self.assertIn("Unusual traffic", self.wallet.status_meaning)
        self._fund(self.wallet, 5)
        self.assertEqual(self.wallet.state, "paused")
        self.wallet.action_resume()
        self.assertEqual(self.wallet.state, "active")
        self.assertFalse(self.wallet.pause_reason)

    def test_resuming_a_wallet_without_funds_leaves_it_paused(self):
        self.wallet.action_pause("Unusual traffic")
        self.wallet.action_resume()
        self.assertEqual(self.wallet.state, "paused")
        self.assertFalse(self.wallet.is_paused_by_hand)

    def test_a_pause_needs_a_reason(self):
        for reason in ("", "   ", None, False, 7):
            with self.assertRaisesRegex(UserError, "Reason"):
                self.wallet.action_pause(reason)
        self.assertFalse(self.wallet.is_paused_by_hand)

    def test_the_pause_wizard_pauses_the_chosen_wallets(self):
        wallets = self.wallet | self._make_wallet()
        wizard = (
            self.env["call.wallet.pause"]
            .with_user(self._make_user("t_am", "account_manager"))
            .with_context(active_model="call.wallet", active_ids=wallets.ids)
            .create({"reason": "Contract under review"})
        )
        wizard.action_pause()
        self.assertEqual(wallets.mapped("is_paused_by_hand"), [True, True])
        self.assertEqual(wallets.mapped("pause_reason"), ["Contract under review"] * 2)
        self.assertIn("Contract under review", self.wallet.message_ids[0].body)

    def test_status_is_searchable(self):
        self._fund(self.wallet, 5)
        mine = [("id", "=", self.wallet.id)]
        self.assertTrue(self.env["call.wallet"].search([("state", "=", "active"), *mine]))
        self.assertFalse(self.env["call.wallet"].search([("state", "=", "paused"), *mine]))


@tagged("post_install", "-at_install", "standard")
class TestRecipients(CallWalletCommon):
    def test_addresses_are_kept_in_lower_case_and_replaced_as_a_whole(self):
        self.assertEqual(
            self.wallet.set_recipients(["One@A.example", " two@a.example "]), ["one@a.example", "two@a.example"]
        )
        self.assertEqual(
            self.wallet.set_recipients(["two@a.example", "three@a.example"]), ["two@a.example", "three@a.example"]
        )

    def test_a_bad_address_is_refused_and_nothing_changes(self):
        for bad in (
            "nobody",
            "a@",
            "@b.example",
            "a b@c.example",
            "a@b@c.example",
            "a@b",
            "a@b..example",
            "a@-b.example",
            "a@b.example, c@d.example",
            "a@b.example;c@d.example",
            "Jo <jo@a.example>",
            "a\0@b.example",
            " ",
            "",
        ):
            with self.assertRaisesRegex(ValidationError, "not a valid e-mail"):
                self.wallet.set_recipients(["good@a.example", bad])
        for good in (
            "a.b+c@d-e.f.example",
            "o'neil@x.example",
            "é@bücher.example",
            "a@xn--bcher-kva.example",
            "1@2.io",
        ):
            self.assertEqual(self.wallet.recipient_ids._normalise(good), good)
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["billing@initrode.example"])

    def test_a_repeated_address_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "a@b.example.*more than once"):
            self.wallet.set_recipients(["a@b.example", "A@B.example"])

    def test_something_that_is_no_list_of_addresses_is_refused(self):
        for bad in ("a@b.example", [7], [None], [["a@b.example"]]):
            with self.assertRaisesRegex(ValidationError, "list of addresses"):
                self.wallet.set_recipients(bad)

    def test_removing_the_last_one_returns_to_not_set_up_and_the_money_stays(self):
        self._fund(self.wallet, 20)
        self.assertEqual(self.wallet.set_recipients([]), [])
        self.assertEqual((self.wallet.state, self.wallet.balance), ("not_set_up", 20))
        self.wallet.set_recipients(["a@b.example"])
        self.assertEqual(self.wallet.state, "active")

    def test_recipients_edited_in_the_form_have_the_same_effect(self):
        self._fund(self.wallet, 20)
        self.wallet.recipient_ids.unlink()
        self.assertEqual(self.wallet.state, "not_set_up")
        self.wallet.write({"recipient_ids": [(0, 0, {"email": "A@B.example"})]})
        self.assertEqual(self.wallet.state, "active")
        self.assertEqual(self.wallet.recipient_ids.email, "a@b.example")
        self.assertSound(self.wallet)


@tagged("post_install", "-at_install", "standard")
class TestRoles(CallWalletCommon):
    """Each role's rights, allowed and refused."""

    def setUp(self):
        super().setUp()
        self.am = self._make_user("t_am", "account_manager")
        self.finance = self._make_user("t_finance", "finance")
        self.platform = self._make_user("t_platform", "platform")
        self.employee = self._make_user("t_employee", "base.group_user")
        self.owner = self._make_user("t_owner", "base.group_portal")
        self.stranger = self._make_user("t_stranger", "base.group_portal")
        self.wallet.owner_ids = self.owner

    def _allowed(self, action, *users):
        for user in users:
            with self.subTest(user=user.login):
                action(self.wallet.with_user(user))

    def _refused(self, action, *users):
        for user in users:
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                action(self.wallet.with_user(user))

    def test_owners_and_account_managers_keep_the_recipients(self):
        def action(wallet):
            wallet.set_recipients(["a@b.example"])

        self._allowed(action, self.am, self.finance, self.owner)
        self._refused(action, self.platform, self.employee, self.stranger)

    def test_account_managers_pause_and_resume(self):
        self._allowed(lambda wallet: wallet.action_pause("Why"), self.am, self.finance)
        self._allowed(lambda wallet: wallet.action_resume(), self.am, self.finance)
        others = (self.platform, self.employee, self.owner, self.stranger)
        self._refused(lambda wallet: wallet.action_pause("Why"), *others)
        self._refused(lambda wallet: wallet.action_resume(), *others)

    def test_finance_refunds(self):
        def action(wallet):
            wallet.refund("1", "Bad line")

        self._allowed(action, self.finance)
        self._refused(action, self.am, self.platform, self.employee, self.owner, self.stranger)

    def test_owners_see_their_wallet_and_nobody_elses(self):
        self._fund(self.wallet, 20)
        other = self._make_wallet()
        theirs = self.env["call.wallet"].with_user(self.owner).search([])
        self.assertEqual(theirs, self.wallet)
        self.assertEqual(theirs.balance, 20)
        self.assertEqual(theirs.transaction_ids.mapped("amount"), [20])
        self.assertFalse(self.env["call.wallet"].with_user(self.stranger).search([]))
        self.assertFalse(self.env["call.wallet.balance"].with_user(self.stranger).search([]))
        with self.assertRaises(AccessError):
            other.with_user(self.owner).read(["account_ref"])

    def test_the_platform_reads_no_wallet(self):
        for user in (self.platform, self.employee):
            with self.assertRaises(AccessError):
                self.env["call.wallet"].with_user(user).search([])

    def test_wallets_of_another_company_are_out_of_reach(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        wallet = self._make_wallet(company_id=company.id)
        for user in (self.am, self.finance):
            with self.assertRaises(AccessError):
                wallet.with_user(user).action_pause("Why")


@tagged("post_install", "-at_install", "standard")
class TestWalletRules(CallWalletCommon):
    """What a wallet refuses to be."""

    def test_the_balance_cannot_be_typed_in(self):
        for field in ("balance", "held_amount", "state", "last_sequence"):
            value = "active" if field == "state" else 5
            with self.assertRaisesRegex(UserError, "cannot be typed in"):
                self.wallet.write({field: value})
            with self.assertRaisesRegex(UserError, "cannot be typed in"):
                self._make_wallet(**{field: value})

    @mute_logger("odoo.sql_db")
    def test_a_customer_has_one_wallet_a_currency(self):
        with (
            self.assertRaisesRegex(Exception, "call_wallet_one_per_customer|already has a wallet"),
            self.cr.savepoint(),
        ):
            self._make_wallet(partner_id=self.partner.id)
        euro = self.env.ref("base.EUR")
        euro.active = True
        self._make_wallet(partner_id=self.partner.id, currency_id=euro.id, rate_plan_id=False)

    def test_the_account_is_a_short_code(self):
        for account in ("", "a b", "é", "x" * 65, "a/b"):
            with self.assertRaises(ValidationError):
                self.wallet.account_ref = account
                self.wallet.flush_recordset()

    def test_customer_and_currency_are_fixed_once_money_moved(self):
        self._fund(self.wallet, 1)
        other = self.env["res.partner"].create({"name": "Other", "is_company": True})
        with self.assertRaisesRegex(UserError, "fixed"):
            self.wallet.partner_id = other
        with self.assertRaisesRegex(UserError, "fixed"):
            self.wallet.currency_id = self.env.ref("base.EUR")

    def test_the_rate_plan_is_the_companys_or_everybodys(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        theirs, ours = self.plan.copy({"company_id": elsewhere.id}), self.plan.copy({"company_id": self.company.id})
        finance = self._make_user("t_plan_finance", "finance")
        for plan in (ours, self.plan):
            self.wallet.with_user(finance).rate_plan_id = plan.id
        with self.assertRaisesRegex(UserError, "Rate Plan"):
            self.wallet.with_user(finance).rate_plan_id = theirs.id
        with self.assertRaisesRegex(UserError, "Rate Plan"):
            self._make_wallet(rate_plan_id=theirs.id)
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        self.assertEqual(self._make_wallet(rate_plan_id=ours.id, company_id=branch.id).rate_plan_id, ours)

    def test_a_wallet_that_has_another_companys_plan_can_still_be_changed_otherwise(self):
        """As wallets of before may have."""
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        theirs = self.plan.copy({"company_id": elsewhere.id})
        self.env.flush_all()
        self.env.cr.execute("UPDATE call_wallet SET rate_plan_id = %s WHERE id = %s", [theirs.id, self.wallet.id])
        self.env.invalidate_all()
        finance = self._make_user("t_plan_finance", "finance")
        self.wallet.with_user(finance).write({"low_balance_threshold": 25, "billing_email": "b@initrode.example"})
        self.wallet.action_pause("Fraud check")
        self.assertEqual(self.wallet.rate_plan_id, theirs)
        self.assertEqual(self._record(self._call())["total_cost"], "0.025000")
        self.wallet.with_user(finance).rate_plan_id = self.plan.id

    def test_a_plan_that_others_wallets_have_becomes_nobody_elses(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        with self.assertRaisesRegex(UserError, "wallets of other companies"):
            self.plan.company_id = elsewhere
        self._archive(self.wallet)
        self.env.flush_all()
        with self.assertRaisesRegex(UserError, "wallets of other companies"):
            self.plan.company_id = elsewhere  # a closed wallet's late calls are still charged by it
        self.plan.company_id = self.company
        self.plan.company_id = False

    def test_the_rate_plan_is_in_the_wallets_currency(self):
        plan = self.env["call.rate.plan"].create({"name": "Euro", "currency_id": self.env.ref("base.EUR").id})
        with self.assertRaisesRegex(ValidationError, "EUR.*USD"):
            self.wallet.rate_plan_id = plan


@tagged("post_install", "-at_install", "standard")
class TestRefunds(CallWalletCommon):
    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 20)
        self.call = self._call(duration_seconds=600)
        self._record(self.call)
        self.usage_record = self._usage_of(self.call)

    def test_a_refund_returns_funds_with_its_reason(self):
        row = self.wallet.refund("1.5", "Bad line")
        self.assertEqual((row.type, row.amount, row.description), ("refund", Decimal("1.5"), "Bad line"))
        self.assertBalance(self.wallet, "21.375")
        self.assertSound(self.wallet)

    def test_refunds_of_a_call_never_exceed_what_it_cost(self):
        self.wallet.refund("0.1", "Bad line", usage=self.usage_record)
        with self.assertRaisesRegex(UserError, "at most 0.025"):
            self.wallet.refund("0.025001", "Bad line", usage=self.usage_record)
        self.wallet.refund("0.025", "Bad line", usage=self.usage_record.id)
        with self.assertRaisesRegex(UserError, "at most 0"):
            self.wallet.refund("0.000001", "Bad line", usage=self.usage_record)
        self.assertBalance(self.wallet, 20)

    def test_a_call_of_another_wallet_cannot_be_refunded_here(self):
        other = self._make_wallet()
        with self.assertRaisesRegex(UserError, "Call: choose a call of this wallet"):
            other.refund("0.01", "Bad line", usage=self.usage_record)
        for usage in ("12", [self.usage_record.id], True):
            with self.assertRaisesRegex(UserError, "Call: send the id"):
                self.wallet.refund("0.01", "Bad line", usage=usage)

    def test_the_same_request_is_carried_out_once(self):
        first = self.wallet.refund("1", "Bad line", request_key="r-1")
        self.assertEqual(self.wallet.refund("1", "Bad line", request_key="r-1"), first)
        with self.assertRaisesRegex(UserError, "other content"):
            self.wallet.refund("2", "Bad line", request_key="r-1")
        self.assertBalance(self.wallet, "20.875")

    def test_amount_and_reason_are_checked(self):
        for amount in ("0", "-1", "abc", "0.0000001", "1e30", None):
            with self.assertRaisesRegex(UserError, "Amount"):
                self.wallet.refund(amount, "Bad line")
        for reason in ("", "  ", "\x00", None, 7):
            with self.assertRaisesRegex(UserError, "Reason"):
                self.wallet.refund("1", reason)
        for key in ("\x00", "k" * 65, 7):
            with self.assertRaisesRegex(UserError, "request_key"):
                self.wallet.refund("1", "Bad line", request_key=key)
        self.assertEqual(self.wallet.refund("1", "Bad\x00 line").description, "Bad line")


@tagged("post_install", "-at_install", "standard")
class TestMergedContacts(CallWalletCommon):
    def _merge(self, partners):
        self.env["base.partner.merge.automatic.wizard"]._merge(partners.ids, self.partner, extra_checks=False)

    def test_two_customers_with_a_wallet_each_are_not_merged(self):
        other = self._make_wallet()
        with self.assertRaisesRegex(UserError, "Close all but one"):
            self._merge(self.partner | other.partner_id)
        self.assertTrue(other.exists())

    def test_the_wallet_of_a_merged_contact_stays(self):
        self._fund(self.wallet, "20", by="topup")
        double = self.env["res.partner"].create({"name": "Initrode, twice", "is_company": True})
        self._merge(self.partner | double)
        self.env.invalidate_all()
        self.assertEqual((self.wallet.partner_id, self.wallet.balance), (self.partner, 20))
        self.assertSound(self.wallet)


@tagged("post_install", "-at_install", "standard")
class TestEstimates(CallWalletCommon):
    """Minutes left and runway."""

    def test_minutes_left_follow_from_the_contract_at_first(self):
        plan = self.env["call.rate.plan"].create(
            {
                "name": "Flat",
                "currency_id": self.dollar.id,
                "rate_ids": [(0, 0, {"prefix": "1", "price_per_minute": "0.05"})],
            }
        )
        wallet = self._make_wallet(rate_plan_id=plan.id)
        self._fund(wallet, 10)
        self.assertEqual((wallet.live_minutes_left, wallet.whatsapp_minutes_left), (200, 500))

    def test_minutes_left_follow_from_what_calls_really_cost(self):
        self._fund(self.wallet, "10.25")
        self._record(self._call(duration_seconds=1200))
        self.env.invalidate_all()
        self.assertEqual(self.wallet.live_minutes_left, 800)

    def test_a_wallet_without_funds_has_no_minutes_and_no_end_in_sight(self):
        self.assertEqual((self.wallet.live_minutes_left, self.wallet.whatsapp_minutes_left), (0, 0))
        self.assertFalse(self.wallet.runs_out_on)

    def test_the_runway_is_the_average_of_seven_days(self):
        self._fund(self.wallet, 22)
        # 7 hours and 20 minutes at 0.0125: 5.50, a seventh of it a day.
        calls = [self._call(duration_seconds=3600) for _ in range(8)]
        self._record(*calls[:7], {**calls[7], "duration_seconds": 1200})
        self.env.invalidate_all()
        self.assertEqual(self.wallet.daily_spend, Decimal("0.785714"))
        self.assertEqual(self.wallet.runs_out_on, fields.Date.today() + timedelta(days=21))
        self.assertIsInstance(self.wallet.runs_out_on, date)
        self.assertFalse(self.wallet.lasts_roughly)

    def test_a_day_that_is_far_off_is_said_roughly(self):
        # 24 minutes at 0.0125 are 0.30, a seventh of it a day: 3.90 last 91 days, 20 more than a year.
        self._fund(self.wallet, "4.20")
        self._record(self._call(duration_seconds=1440))
        for given, expected in ((None, "more than three months"), ("16.10", "more than a year")):
            if given:
                self._fund(self.wallet, given)
            self.env.invalidate_all()
            self.assertEqual(self.wallet.lasts_roughly, expected)
            self.assertEqual(self.wallet.dashboard_data()["runway"]["lasts_roughly"], expected)

    def test_holds_shorten_the_estimate(self):
        self._fund(self.wallet, 1)
        self.env["call.wallet"].authorize_call(self.wallet.account_ref, "c-1", "whatsapp", "+14155550100")
        self.env.invalidate_all()
        self.assertEqual(self.wallet.available_balance, Decimal("0.8"))
        self.assertEqual(self.wallet.whatsapp_minutes_left, 40)
