"""Amounts that Stripe does not charge are refused where they are chosen, with the nearest that it does."""

import json
from decimal import Decimal

from odoo import Command
from odoo.addons.call_wallet.tools.stripe_amounts import limits
from odoo.exceptions import UserError, ValidationError
from odoo.tests import TransactionCase, new_test_user, tagged

from .stripe_case import StripeFakeCase


@tagged("post_install", "-at_install", "standard")
class TestLimits(TransactionCase):
    def test_from_stripes_documentation(self):
        for currency, amount, allowed in (
            ("USD", "0.49", False),
            ("USD", "0.50", True),
            ("USD", "999999.99", True),
            ("USD", "1000000", False),
            ("KWD", "10.005", False),
            ("KWD", "10.010", True),
            ("KWD", "99999.990", True),  # 99,999,990 fils have 8 digits
            ("KWD", "100000", False),
            ("JPY", "49", False),
            ("JPY", "50", True),
            ("JPY", "99999999", True),
            ("ISK", "100.50", False),
            ("ISK", "100", True),
            ("UGX", "999999", True),  # sent as 99,999,900
            ("UGX", "1000000", False),
            ("HUF", "174.99", False),
            ("HUF", "175.50", True),
            ("TWD", "10.50", True),  # only payouts are whole
            ("IDR", "5000000000.00", True),  # 12 digits
        ):
            self.assertEqual(limits(currency).allow(Decimal(amount)), allowed, (currency, amount))


class TestStripeDinars(StripeFakeCase):
    """Kuwaiti dinars have three decimals, of which Stripe wants the last to be 0."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dinar = cls.env.ref("base.KWD")
        cls.dinar.active = True
        cls.env["res.currency.rate"].create(
            {"currency_id": cls.dinar.id, "rate": 0.3, "name": "2026-01-01", "company_id": cls.company.id}
        )
        plan = cls.env["call.rate.plan"].create(
            {
                "name": "Kuwait",
                "currency_id": cls.dinar.id,
                "rate_ids": [Command.create({"prefix": "965", "price_per_minute": "0.01"})],
            }
        )
        cls.wallet = cls._make_wallet(partner_id=cls.partner.id, currency_id=cls.dinar.id, rate_plan_id=plan.id)
        cls.env.ref("call_wallet.product_topup").taxes_id = False
        cls.owner = new_test_user(cls.env, login="kuwait", groups="base.group_portal")
        cls.owner.partner_id.parent_id = cls.partner
        cls.wallet.owner_ids += cls.owner

    def _order_as_owner(self, amount):
        return self.wallet.with_user(self.owner).create_topup(amount)

    def test_an_owner_is_told_the_nearest_amounts(self):
        with self.assertRaisesRegex(UserError, r"steps of 0\.010? KWD.*Use 10\.000 KWD or 10\.010 KWD"):
            self._order_as_owner("10.005")
        self.assertFalse(self.wallet.topup_ids)

    def test_with_tax_the_nearest_amounts_are_those_whose_total_is_charged(self):
        """5 %: 10.01 costs 10.5105, so 10.511. Below, 10.010 less 0.001 steps: 10.009 x 1.05 = 10.50945, so 10.509;
        ... 10.000 x 1.05 = 10.500. Above: 10.010 + 0.009 = 10.019 x 1.05 = 10.51995, so 10.520."""
        self.env.ref("call_wallet.product_topup").taxes_id = self.env["account.tax"].create(
            {"name": "5 %", "amount": 5, "company_id": self.company.id}
        )
        with self.assertRaisesRegex(UserError, r"10\.511 KWD.*Use 10\.000 KWD or 10\.019 KWD"):
            self._order_as_owner("10.01")
        topup = self._order_as_owner("10.019").sudo()
        transaction = self._charge(topup.with_env(self.env), self._save_card())
        self.assertEqual(transaction.state, "done")
        [intent] = self.fake.store.find("payment_intent")
        self.assertEqual(intent["amount"], 10520)
        self.assertBalance(self.wallet, "10.019")

    def test_what_it_charges_is_ordered_and_paid(self):
        topup = self._order_as_owner("10.010").sudo().with_env(self.env)
        self.assertEqual(self._charge(topup, self._save_card()).state, "done")
        self.assertEqual(self.fake.store.find("payment_intent")[0]["amount"], 10010)
        self.assertBalance(self.wallet, "10.01")

    def test_finance_may_order_it_and_stripe_is_not_offered(self):
        topup = self.wallet.create_topup("10.005")
        offered = self.env["payment.provider"]._get_compatible_providers(
            self.company.id, self.partner.id, 10.005, currency_id=self.dinar.id, invoice_id=topup.invoice_id.id
        )
        self.assertNotIn(self.stripe, offered)
        offered = self.env["payment.provider"]._get_compatible_providers(
            self.company.id, self.partner.id, 10.01, currency_id=self.dinar.id, invoice_id=topup.invoice_id.id
        )
        self.assertIn(self.stripe, offered)

    def test_without_stripe_it_may_be_ordered(self):
        self.stripe.state = "disabled"
        self.assertTrue(self._order_as_owner("10.005"))

    def test_a_package_is_refused_with_the_nearest_amounts(self):
        packages = self.env["call.wallet.package"]
        with self.assertRaisesRegex(ValidationError, r"steps of 0\.010; use 10\.000 or 10\.010"):
            packages.create({"amount": "10.005", "currency_id": self.dinar.id})
        self.assertTrue(packages.create({"amount": "10.01", "currency_id": self.dinar.id}))

    def test_automatic_topup_charges_an_amount_that_stripe_takes(self):
        """Available 5.003, level 20: 14.997 are needed, 15.000 are charged."""
        token = self._save_card()
        self.wallet.refund("5.003", "Opening credit")
        self.wallet.set_auto_topup(
            True, level="20", amount="10", monthly_cap="200", token_id=token.id, accept_mandate=True
        )
        self.env["call.wallet"]._cron_auto_topup()
        self.assertEqual([intent["amount"] for intent in self.fake.store.find("payment_intent")], [15000])
        self.assertBalance(self.wallet, "20.003")


class TestStripeLeast(StripeFakeCase):
    def setUp(self):
        super().setUp()
        self.company.call_wallet_topup_min = Decimal("0.10")
        self._log_in_as_owner()
        self.owner = self.wallet.owner_ids[:1]

    def test_less_than_stripe_charges_is_refused_by_name(self):
        self.env.ref("call_wallet.product_topup").taxes_id = False
        with self.assertRaisesRegex(UserError, "at least 0.50 USD"):
            self.wallet.with_user(self.owner).create_topup("0.49")
        self.assertTrue(self.wallet.with_user(self.owner).create_topup("0.50"))

    def test_more_than_stripe_charges_is_a_matter_of_bank_transfers(self):
        self.env.ref("call_wallet.product_topup").taxes_id = False
        self.company.write({"call_wallet_topup_max": Decimal("5000000"), "call_wallet_topup_open_sum": 0})
        providers = self.env["payment.provider"]
        others = providers.search([("company_id", "=", self.company.id), ("id", "!=", self.stripe.id)])
        others.is_published = False
        with self.assertRaisesRegex(UserError, r"at most 999,999\.99 USD"):
            self.wallet.with_user(self.owner).create_topup("1000000")
        wire = others.filtered(lambda provider: provider.code == "custom")[:1]
        wire.write({"state": "enabled", "is_published": True})
        self.assertTrue(self.wallet.with_user(self.owner).create_topup("1000000"))


class TestStripeInlineForm(StripeFakeCase):
    """Odoo's payment form, by Stripe's script, gets one bare address of who pays a top-up."""

    def _email(self, provider, **kwargs):
        self.partner.email = "ap@x.example, boss@x.example"
        values = provider._stripe_get_inline_form_values(10.0, self.dollar, self.partner.id, False, **kwargs)
        return json.loads(values)["billing_details"]["email"]

    def test_of_a_topup(self):
        self.assertEqual(self._email(self.stripe.with_context(call_wallet_topup=True)), "ap@x.example")

    def test_of_no_topup_as_odoo_has_it(self):
        self.assertEqual(self._email(self.stripe), "ap@x.example, boss@x.example")

    def test_none_where_there_is_no_address(self):
        provider = self.stripe.with_context(call_wallet_topup=True)
        self.partner.email = "see the website"
        values = provider._stripe_get_inline_form_values(10.0, self.dollar, self.partner.id, False)
        self.assertEqual(json.loads(values)["billing_details"]["email"], "")
