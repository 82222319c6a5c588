"""Every model of the addon and every role: what may be created, read, written and deleted, and of whom."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .roles_case import RolesCase
from .roles_table import HOOK, MODELS, NOT_OF_A_CUSTOMER, ROLES

OPERATIONS = {"c": "create", "r": "read", "w": "write", "d": "unlink"}


@tagged("post_install", "-at_install", "standard")
class TestRolesModels(RolesCase):
    def addon_models(self):
        return [
            name
            for name, model in self.env.registry.items()
            if model._original_module == "call_wallet" and not model._abstract
        ]

    def test_every_model_has_a_row_in_the_table(self):
        self.assertEqual(sorted(self.addon_models()), sorted(MODELS), "add the model to tests/roles_table.py")

    def test_each_role_may_do_with_each_model_what_the_table_says(self):
        for model, allowed in MODELS.items():
            for role, user in self.users.items():
                records = self.env[model].with_user(user)
                found = "".join(letter for letter, op in OPERATIONS.items() if records.has_access(op))
                with self.subTest(model=model, role=ROLES[role][0]):
                    self.assertEqual(sorted(found), sorted(allowed.get(role, "")))

    def test_nobody_else_has_access_of_any_group(self):
        """No group beyond those of the roles is let in by the access list."""
        groups = {self.env.ref(group) for _name, group in ROLES.values()}
        lists = self.env["ir.model.access"].search([("model_id.model", "in", list(MODELS))])
        self.assertTrue(all(access.group_id in groups for access in lists), lists.filtered(lambda a: not a.group_id))

    def test_customers_see_their_own_wallets_rows_and_nothing_else(self):
        for model in MODELS:
            records = self.env[model].with_user(self.users["O"])
            if not records.has_access("read"):
                continue
            with self.subTest(model=model):
                seen, all_rows = records.search([]).sudo(), self.env[model].search([])
                wallets, all_wallets = (rows if model == "call.wallet" else rows.wallet_id for rows in (seen, all_rows))
                self.assertEqual(wallets, self.wallet & all_wallets)
                self.assertFalse(self.env[model].with_user(self.users["C"]).search([]))

    def test_staff_see_nothing_of_another_company(self):
        self._fund(self.foreign, 20, by="refund")
        self.usage.record_calls([self._call(account=self.foreign.account_ref)])
        self.env["call.wallet"].authorize_call(self.foreign.account_ref, "c-1", "whatsapp", "+14155550100")
        self.foreign.request_refund("5", "Bad line")
        self.env.flush_all()
        for model in set(MODELS) - NOT_OF_A_CUSTOMER:
            records = self.env[model]
            if records._transient or "wallet_id" not in records._fields and model != "call.wallet":
                continue
            path = "id" if model == "call.wallet" else "wallet_id"
            for role in "AFM":
                user = self.users[role]
                if records.with_user(user).has_access("read") and model != "call.wallet.watch":
                    with self.subTest(model=model, role=ROLES[role][0]):
                        self.assertFalse(records.with_user(user).search([(path, "=", self.foreign.id)]))

    def test_what_stripe_told_another_company_is_out_of_reach(self):
        company, partner = self.foreign.company_id, self.foreign.partner_id
        provider = self.env["payment.provider"].create({"name": "Elsewhere", "company_id": company.id})
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env.ref("payment.payment_method_unknown").id,
                "reference": "elsewhere",
                "amount": 20,
                "currency_id": self.dollar.id,
                "partner_id": partner.id,
            }
        )
        of_provider = {"provider_id": provider.id, "reference": "elsewhere"}
        records = [
            self.env["call.wallet.stripe.return"].create(
                {"reference": "dp_1", "kind": "dispute", "transaction_id": transaction.id, "wallet_id": self.foreign.id}
            ),
            self.env["call.wallet.stripe.event"].create({**of_provider, "type": "charge.failed", "object_ref": "ch_1"}),
            self.env["call.wallet.stripe.customer"].create({**of_provider, "partner_id": partner.id}),
        ]
        for record in records:
            for role in "FM":
                with self.subTest(model=record._name, role=ROLES[role][0]):
                    self.assertFalse(record.with_user(self.users[role]).has_access("read"))

    def test_prices_of_another_company_are_out_of_reach(self):
        plan = self.env["call.rate.plan"].create(
            {
                "name": "Elsewhere",
                "company_id": self.foreign.company_id.id,
                "currency_id": self.dollar.id,
                "rate_ids": [(0, 0, {"prefix": "1", "price_per_minute": 1})],
            }
        )
        for role in "AFM":
            for record in (plan, plan.rate_ids):
                self.assertFalse(record.with_user(self.users[role]).has_access("read"))
                self.assertFalse(record.with_user(self.users[role]).has_access("write"))

    def test_nothing_is_moved_to_a_company_of_others(self):
        """Odoo's rules look at a record before it is changed, not at where it goes."""
        elsewhere, manager = self.foreign.company_id, self.users["M"]
        movable = {
            name
            for name in self.addon_models()
            if (field := self.env[name]._fields.get("company_id")) and field.store and not field.readonly
        }
        records = {
            "call.wallet": self._make_wallet(recipients=()),
            "call.rate.plan": self.env["call.rate.plan"].create({"name": "Ours", "company_id": self.company.id}),
            "call.source": self.env["call.source"].create({"name": "Ours", "kind": "freeswitch"}),
            "call.wallet.webhook": self.env["call.wallet.webhook"].create({"name": "Ours", "url": HOOK}),
            "call.usage.rerate": self.env["call.usage.rerate"].create(
                {
                    "reason": "Wrong price",
                    "wallet_ids": [(6, 0, self.wallet.ids)],
                    "date_from": "2026-11-01",
                    "date_to": "2026-11-02",
                }
            ),
            "call.wallet.settings": self.env["call.wallet.settings"].with_user(manager).create({}),
        }
        self.assertEqual(movable, records.keys(), "make one of the model to be moved")
        for name, record in records.items():
            with self.subTest(model=name):
                record = record.with_user(manager)
                with self.assertRaises(UserError), self.undone():
                    record.write({"company_id": elsewhere.id})
                self.env.invalidate_all(flush=False)
                self.assertEqual(record.sudo().company_id, self.company)

    def test_what_is_a_user_s_moves_between_the_user_s_companies(self):
        elsewhere, manager = self.foreign.company_id, self.users["M"]
        manager.company_ids |= elsewhere
        for record in (
            self._make_wallet(recipients=()),
            self.env["call.rate.plan"].create({"name": "Ours", "company_id": self.company.id}),
        ):
            record.with_user(manager).company_id = elsewhere
            self.assertEqual(record.company_id, elsewhere)

    def test_a_price_is_not_moved_into_another_company_s_plan(self):
        plan = self.env["call.rate.plan"].create({"name": "Elsewhere", "company_id": self.foreign.company_id.id})
        rate = self.rate.copy().with_user(self.users["F"])
        with self.assertRaises(AccessError), self.undone():
            rate.plan_id = plan.id
        self.assertEqual(rate.plan_id, self.plan)
