"""Who may order funds, and what makes an order."""

from datetime import timedelta
from decimal import Decimal

from lxml import html
from odoo.addons.call_wallet.const import FINANCE
from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestTopupOrder(CallWalletCommon):
    def test_amounts_out_of_range_or_malformed_are_refused_and_name_the_field(self):
        for amount in ("0", "-5", "0.5", "100000.01", "1.234", "ten", "nan", "inf", None, [], "1e9"):
            with self.subTest(amount=amount), self.assertRaisesRegex(UserError, "Amount"):
                self.wallet.create_topup(amount)
        self.assertFalse(self.wallet.topup_ids)

    def test_the_amount_may_be_text_a_number_or_a_decimal(self):
        for amount in ("20.50", 20.5, Decimal("20.5")):
            self.assertEqual(self.wallet.create_topup(amount).amount, Decimal("20.50"))

    def test_terms_must_be_accepted(self):
        for accepted in (False, None, "yes", 1):
            with self.subTest(accepted=accepted), self.assertRaisesRegex(UserError, "Terms"):
                self.wallet.create_topup("20", accept_terms=accepted)

    def test_who_accepted_what_and_when_is_kept(self):
        topup = self.wallet.create_topup("20")
        self.assertEqual(topup.terms_id, self.env["call.wallet.terms"]._current())
        self.assertEqual(topup.requested_by_id, self.env.user)
        self.assertTrue(topup.accepted_at)

    def test_accepted_terms_are_never_changed_but_a_new_version_applies(self):
        terms = self.wallet.create_topup("20").terms_id
        with self.assertRaises(UserError):
            terms.body = "<p>Other</p>"
        with self.assertRaises(UserError):
            terms.unlink()
        newer = self.env["call.wallet.terms"].create({"body": "<p>Other</p>", "valid_from": "2026-01-01"})
        self.assertEqual(newer.version, terms.version + 1)
        self.assertNotEqual(newer.fingerprint, terms.fingerprint)
        self.assertEqual(self.wallet.create_topup("20").terms_id, newer)

    def test_a_wallet_that_is_not_set_up_is_refused(self):
        wallet = self._make_wallet(recipients=())
        with self.assertRaisesRegex(UserError, "recipient"):
            wallet.create_topup("20")

    def test_a_paused_wallet_may_be_topped_up_and_stays_paused_by_hand(self):
        self.wallet.action_pause("Fraud check")
        self._fund(self.wallet, "20", by="topup")
        self.assertEqual((self.wallet.balance, self.wallet.state), (Decimal(20), "paused"))
        self.wallet.action_resume()
        self.assertEqual(self.wallet.state, "active")

    def test_finance_and_owners_may_order_others_may_not(self):
        owner = new_test_user(self.env, "topup-owner", groups="base.group_portal")
        stranger = new_test_user(self.env, "topup-stranger", groups="base.group_portal")
        self.wallet.owner_ids = owner
        for user in (self._make_user("topup-finance", "finance"), owner):
            topup = self.wallet.with_user(user).create_topup("20")
            self.assertEqual((topup.requested_by_id, topup.sudo().invoice_id.state), (user, "posted"))
        for user in (
            stranger,
            self._make_user("topup-manager", "account_manager"),
            self._make_user("topup-platform", "platform"),
        ):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.wallet.with_user(user).create_topup("20")

    def test_without_a_chart_of_accounts_the_error_says_what_to_install(self):
        company = self.env["res.company"].create({"name": "No books yet"})
        wallet = self._make_wallet(company_id=company.id)
        with self.assertRaisesRegex(UserError, "chart of accounts"):
            wallet.create_topup("20")

    def test_a_new_company_gets_its_deposit_account_with_its_chart(self):
        company = self.env["res.company"].create({"name": "New books"})
        self.env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
        account = company.call_wallet_deposit_account_id
        self.assertEqual(account.account_type, "liability_current")
        self.assertEqual(account.company_ids, company)

    def test_the_dialog_shows_what_the_invoice_will_say(self):
        tax = self.env["account.tax"].create({"name": "VAT 15%", "amount": 15, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        dialog = Form(self.env["call.wallet.topup.wizard"].with_context(default_wallet_id=self.wallet.id))
        self.assertEqual(dialog.package_id.amount, Decimal(100))
        dialog.other_amount = 40
        self.assertFalse(dialog.package_id)
        self.assertEqual((dialog.tax_amount, dialog.total_amount), (6, 46))
        self.assertEqual(dialog.whatsapp_minutes, 2000)
        with self.assertRaisesRegex(UserError, "Terms"):
            dialog.save().action_request_invoice()
        dialog.accept_terms = True
        action = dialog.save().action_request_invoice()
        invoice = self.env["account.move"].browse(action["res_id"])
        self.assertEqual((invoice.state, invoice.amount_total), ("posted", 46))

    def test_the_dialog_uses_what_the_customer_has_paid_too_much_if_it_may(self):
        self._pay(self.wallet.create_topup("100").invoice_id, 130)
        for may, left in ((False, 50), (True, 20)):
            dialog = Form(self.env["call.wallet.topup.wizard"].with_context(default_wallet_id=self.wallet.id))
            dialog.other_amount = 50
            dialog.accept_terms = True
            dialog.use_outstanding_credit = may
            self.assertEqual((dialog.outstanding_credit, dialog.due_amount), (30, left))
            action = dialog.save().action_request_invoice()
            self.assertEqual(self.env["account.move"].browse(action["res_id"]).amount_residual, left)
        self.assertBalance(self.wallet, 130)

    def test_the_dialog_names_what_was_ordered_before_and_is_not_paid(self):
        self._fund(self.wallet, "20", by="topup")
        wizards = self.env["call.wallet.topup.wizard"].with_user(new_test_user(self.env, "orders", groups=FINANCE))
        self.assertFalse(wizards.create({"wallet_id": self.wallet.id}).waiting_orders)
        now = utcnow()
        with recorded_at(now - timedelta(days=3)):
            first = self.wallet.create_topup("30")
        with recorded_at(now - timedelta(hours=2)):
            second = self.wallet.create_topup("40.5")
        self._pay(second.invoice_id, 10)
        for lang, ages in (("en_US", ("2 hours ago", "3 days ago")), ("es_ES", ("hace 2 horas", "hace 3 días"))):
            self.env["res.lang"]._activate_lang(lang)
            with self.subTest(lang=lang), recorded_at(now):
                self.env.invalidate_all()
                said = wizards.with_context(lang=lang).create({"wallet_id": self.wallet.id}).waiting_orders
                items = [item.text_content() for item in html.fromstring(said).iter("li")]
                # The latest first; 40.50 less 10.00 paid.
                self.assertEqual(len(items), 2)
                for item, topup, age in zip(items, (second, first), ages, strict=True):
                    self.assertIn(topup.invoice_id.name, item)
                    self.assertIn(age, item)
                self.assertIn("30", items[0])
                self.assertIn(f"/odoo/call-wallet-topups/{first.id}", said)

    def test_pressing_refund_twice_refunds_once(self):
        self._fund(self.wallet, "20")
        call = self._call()
        self._record(call)
        usage = self._usage_of(call)
        dialog = Form(
            self.env["call.wallet.refund.wizard"].with_context(
                default_wallet_id=self.wallet.id, default_usage_id=usage.id
            )
        )
        self.assertEqual(dialog.amount, float(usage.total_cost))
        dialog.reason = "Bad line"
        wizard = dialog.save()
        wizard.action_refund()
        wizard.action_refund()
        self.assertBalance(self.wallet, 20)
        with self.assertRaisesRegex(UserError, "at most 0"):
            self.wallet.refund("0.01", "Once more", usage=usage)


class TestRequestKey(CallWalletCommon):
    """A request that is sent again orders nothing more."""

    def test_the_same_key_orders_once(self):
        first = self.wallet.create_topup("100", request_key="form-1")
        self.assertEqual(self.wallet.create_topup("100", request_key="form-1"), first)
        self.assertNotEqual(self.wallet.create_topup("100", request_key="form-2"), first)

    def test_the_same_key_with_another_amount_is_refused(self):
        self.wallet.create_topup("100", request_key="form-1")
        with self.assertRaisesRegex(UserError, "100"):
            self.wallet.create_topup("50", request_key="form-1")
        self.assertEqual(len(self.wallet.topup_ids), 1)
