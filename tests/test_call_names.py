"""A call's campaign and manager become records of the ERP."""

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestNames(CallWalletCommon):
    """Campaigns and managers become records of the ERP."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)

    def _usage(self, **overrides):
        call = self._call(**overrides)
        self.assertEqual(self._record(call)["result"], "charged")
        return self._usage_of(call)

    def test_a_campaign_is_created_once_and_found_by_its_name(self):
        first = self._usage(campaign="Autumn 2026").campaign_id
        self.assertEqual(first.title, "Autumn 2026")
        self.assertEqual(self._usage(campaign="Autumn 2026").campaign_id, first)
        self.assertEqual(self._usage(campaign="autumn 2026").campaign_id, first)
        self.assertFalse(self._usage().campaign_id)

    def test_an_existing_campaign_is_used_archived_or_not(self):
        campaign = self.env["utm.campaign"].create({"title": "Spring"})
        self.assertEqual(self._usage(campaign="Spring").campaign_id, campaign)
        campaign.active = False
        self.assertEqual(self._usage(campaign="Spring").campaign_id, campaign)

    def test_campaign_names_with_odd_characters(self):
        names = [
            "100%",
            "a_b",
            "back\\slash",
            'Tom\'s "best" <b>',
            "Foo [2]",
            "Foo",
            "Foo [2] bar",
            "長い名前",
            "[1]",
            "{x}",
            "x" * 256,
        ]
        calls = [self._call(campaign=name) for name in names]
        self._record(*calls)
        campaigns = [self._usage_of(call).campaign_id for call in calls]
        self.assertEqual([campaign.title for campaign in campaigns], names)
        self._record(*(self._call(campaign=name) for name in names))
        self.assertEqual(self.env["utm.campaign"].search_count([("title", "in", names)]), len(names))

    def test_a_manager_is_found_among_the_customers_contacts_by_address_or_name(self):
        contact = self.env["res.partner"].create(
            {"name": "Jo Doe", "email": "Jo.Doe@initrode.example", "parent_id": self.partner.id}
        )
        for manager in ("Jo Doe", "jo doe", "jo.doe@initrode.example", "J. Doe <JO.DOE@initrode.example>"):
            self.assertEqual(self._usage(manager=manager).manager_id, contact)

    def test_a_new_manager_becomes_a_contact_of_the_customer_once(self):
        calls = [self._call(manager=name) for name in ("Ann Lee", "ann lee", "ann@initrode.example", "Ann Lee")]
        self._record(*calls)
        by_name, same, by_address, again = (self._usage_of(call).manager_id for call in calls)
        self.assertEqual((by_name, by_name), (same, again))
        self.assertEqual(by_name.parent_id, self.partner)
        self.assertNotEqual(by_address, by_name)
        self.assertEqual((by_address.email, by_address.name), ("ann@initrode.example", "ann@initrode.example"))
        self.assertEqual(by_address.parent_id, self.partner)

    def test_a_namesake_at_another_customer_is_somebody_else(self):
        other = self._make_wallet()
        theirs = self.env["res.partner"].create({"name": "Jo Doe", "parent_id": other.partner_id.id})
        self.assertNotEqual(self._usage(manager="Jo Doe").manager_id, theirs)
        self.assertEqual(self._usage(manager="Jo Doe", account=other.account_ref).manager_id, theirs)

    def test_the_managers_of_the_companys_own_wallet_are_its_internal_users(self):
        wallet = self._make_house_wallet()
        user = self._make_user("t_internal", "base.group_user")
        self.assertEqual(self._usage(manager=user.name, account=wallet.account_ref).manager_id, user.partner_id)

    def test_names_cost_the_same_few_queries_however_many_calls(self):
        def calls(number):
            return [self._call(campaign=f"Campaign {i}", manager=f"Manager {i}") for i in range(number)]

        self._record(*calls(50))
        self.env.flush_all()

        def queries(number):
            before = self.env.cr.sql_log_count
            self._record(*calls(number))
            return self.env.cr.sql_log_count - before

        self.assertEqual(queries(2), queries(50))

    def _refuse(self, model, name):
        """Let the database refuse the record of this name, as another module's constraint does."""
        column = "name" if model == "res_partner" else "title->>'en_US'"
        self.env.cr.execute(
            f"ALTER TABLE {model} ADD CONSTRAINT {model}_test_refused CHECK ({column} <> %s) NOT VALID", [name]
        )

    def test_a_campaign_or_contact_that_cannot_be_created_does_not_stop_the_calls(self):
        self._refuse("res_partner", "Not Allowed")
        self._refuse("utm_campaign", "Forbidden")
        with mute_logger("odoo.sql_db", "odoo.addons.call_wallet.models.usage.call_usage"):
            first, second, third = self._record(
                self._call(call_ref="n-1", manager="Not Allowed", campaign="Allowed"),
                self._call(call_ref="n-2", manager="Jo New", campaign="Forbidden"),
                self._call(call_ref="n-3"),
            )
        self.assertEqual([one["result"] for one in (first, second, third)], ["charged"] * 3)
        self.assertIn("manager", " ".join(first["notes"]))
        self.assertIn("campaign", " ".join(second["notes"]))
        self.assertNotIn("notes", third)
        calls = self.usage.search([("call_ref", "in", ["n-1", "n-2"])], order="call_ref")
        self.assertEqual(calls.mapped("campaign_id.title"), ["Allowed"])
        self.assertEqual(calls.mapped("manager_id.name"), ["Jo New"])
        self.assertEqual(calls.filtered("notes"), calls)
        # 3 calls of 61 s at 0.0125: 2 min = 0.025 each; 100 - 0.075
        self.assertBalance(self.wallet, "99.925")
        told = self.env["call.wallet.waiting"].search([("wallet_id", "=", self.wallet.id), ("kind", "=", "noted")])
        self.assertEqual(sorted(told.mapped("code")), ["campaign_not_created", "manager_not_created"])
        self.assertSound(self.wallet)

    def test_a_thousand_names_that_cannot_be_created_are_given_up_soon(self):
        self.env.cr.execute("ALTER TABLE utm_campaign ADD CONSTRAINT test_none CHECK (FALSE) NOT VALID")
        with mute_logger("odoo.sql_db", "odoo.addons.call_wallet.models.usage.call_usage"):
            results = self._record(*(self._call(campaign=f"None {number}") for number in range(200)))
        self.assertEqual({one["result"] for one in results}, {"charged"})
        self.assertTrue(all(one["notes"] for one in results))
