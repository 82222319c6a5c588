"""Callers of public methods choose their context, and save defaults of their own: neither moves money nor rights."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import CallWalletCommon


class TestCallersContext(CallWalletCommon):
    def setUp(self):
        super().setUp()
        self.finance = self._make_user("context-finance", "finance")
        self.customer = self.env["res.partner"].create({"name": "Context Ltd", "is_company": True})

    def _create_wallet(self, **defaults):
        context = {f"default_{name}": value for name, value in defaults.items()}
        wallets = self.env["call.wallet"].with_user(self.finance).with_context(**context)
        values = {"partner_id": self.customer.id, "account_ref": "CONTEXT", "rate_plan_id": self.plan.id}
        return wallets.create(values).sudo().with_context({})

    def test_a_wallet_begins_with_nothing(self):
        wallet = self._create_wallet(
            balance=1000, held_amount=-5, total_added=500, state="active", is_set_up=True, pause_reason="none"
        )
        self.assertBalance(wallet, 0)
        self.assertEqual((wallet.total_added, wallet.state, wallet.pause_reason), (0, "not_set_up", False))
        self.assertFalse(wallet.is_set_up)
        self.assertSound(wallet)

    def test_nor_with_what_somebody_saved_as_a_default(self):
        defaults = self.env["ir.default"].with_user(self.finance)
        defaults.set("call.wallet", "balance", 1000, user_id=True)
        self.env["ir.default"].set("call.wallet.balance", "balance", 1000)
        self.env["ir.default"].set("call.wallet", "auto_topup_state", "on")
        wallet = self._create_wallet()
        self.assertBalance(wallet, 0)
        self.assertEqual(wallet.auto_topup_state, "off")

    def test_a_form_still_proposes_what_is_the_users_to_choose(self):
        wallets = self.env["call.wallet"].with_user(self.finance).with_context(default_partner_id=self.customer.id)
        proposed = wallets.default_get(["partner_id", "currency_id", "state", "balance", "auto_topup_state"])
        self.assertEqual(proposed["partner_id"], self.customer.id)
        self.assertEqual(proposed["currency_id"], self.dollar.id)
        self.assertEqual((proposed["state"], proposed["auto_topup_state"]), ("not_set_up", "off"))

    def test_nobody_consents_for_a_customer_by_a_default(self):
        stranger = self._make_wallet()
        provider = self.env["payment.provider"].search([("code", "=", "demo")], limit=1)
        provider.write({"state": "test", "is_published": True})
        card = self.env["payment.token"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id,
                "partner_id": stranger.partner_id.id,
                "provider_ref": "saved",
            }
        )
        wallet = self._create_wallet(
            auto_topup_state="on", auto_topup_token_id=card.id, auto_topup_amount=50, auto_topup_level=100,
            auto_topup_monthly_cap=1000,
        )  # fmt: skip
        self.assertEqual(wallet.auto_topup_state, "off")
        self.assertFalse(wallet.auto_topup_token_id)

    def test_a_card_that_is_another_customers_is_not_charged(self):
        """Such as after the card's contact has moved to another company."""
        self.company.call_wallet_accept_test_payments = True
        provider = self.env["payment.provider"].search([("code", "=", "demo")], limit=1)
        provider.write({"state": "test", "is_published": True})
        card = self.env["payment.token"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id,
                "partner_id": self.partner.id,
                "provider_ref": "saved",
            }
        )
        self.wallet.set_auto_topup(
            True, level="20", amount="50", monthly_cap="500", token_id=card.id, accept_mandate=True
        )
        card.partner_id = self.customer
        with self.assertRaisesRegex(UserError, "(?i)card"):
            self.wallet.auto_topup_now(joined=True)
        self.assertFalse(self.env["payment.transaction"].search([("token_id", "=", card.id)]))

    def test_a_rerating_begins_as_a_draft(self):
        rerates = self.env["call.usage.rerate"].with_user(self.finance)
        rerate = rerates.with_context(default_state="previewed", default_price_stamp="x").create(
            {
                "reason": "Wrong price",
                "rate_plan_id": self.plan.id,
                "date_from": "2026-01-01 00:00:00",
                "date_to": "2026-02-01 00:00:00",
            }
        )
        self.assertEqual((rerate.state, rerate.price_stamp), ("draft", False))

    def test_an_order_is_invoiced_in_full(self):
        owner = new_test_user(self.env, login="context-owner", groups="base.group_portal")
        owner.partner_id.parent_id = self.partner
        self.wallet.owner_ids = owner
        wallet = self.wallet.with_user(owner).with_context(
            skip_invoice_sync=True, default_amount=1, default_move_type="in_invoice", default_state="paid"
        )
        topup = wallet.create_topup("40").sudo()
        self.assertEqual((topup.amount, topup.state), (40, "pending"))
        self.assertEqual((topup.invoice_id.move_type, topup.invoice_id.amount_residual), ("out_invoice", 40))

    def test_a_platforms_context_fills_in_no_contacts(self):
        """Contacts and campaigns that a call names are made as superuser."""
        platform = self._make_user("context-platform", "platform")
        user = {"login": "evil", "name": "Evil", "group_ids": [(4, self.env.ref("base.group_system").id)]}
        calls = (
            self.env["call.usage"]
            .with_user(platform)
            .with_context(default_user_ids=[(0, 0, user)], default_comment="filled in", default_color=7)
        )
        self.wallet.create_topup("10")
        self._pay(self.wallet.topup_ids.invoice_id, 10)
        [result] = calls.record_calls([self._call(manager="Jo Context <jo@context.example>", campaign="Context")])
        self.assertEqual(result["result"], "charged")
        contact = self.env["res.partner"].search([("email", "=", "jo@context.example")])
        self.assertEqual(len(contact), 1)
        self.assertEqual((contact.comment, contact.color, len(contact.user_ids)), (False, 0, 0))
        campaign = self.env["utm.campaign"].search([("title", "=", "Context")])
        self.assertEqual((len(campaign), campaign.color), (1, 0))
        self.assertFalse(self.env["res.users"].search([("login", "=", "evil")]))

    def test_what_is_typed_in_is_still_refused(self):
        with self.assertRaises(AccessError):
            self.env["call.wallet"].with_user(self.finance).create(
                {"partner_id": self.customer.id, "pause_reason": "mine"}
            )
