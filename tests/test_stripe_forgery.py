"""Nobody but Stripe can say that a top-up was paid; and only payments that bring money are credited."""

import time

from odoo.exceptions import ValidationError
from odoo.tools import mute_logger

from .stripe_case import WEBHOOK_SECRET, StripeCommon, signed


class TestStripeForgery(StripeCommon):
    def assertRefused(self, transaction, body, header):
        with mute_logger("odoo.http", "odoo.addons.call_wallet.tools.stripe_client"):
            self.assertEqual(self._post_native(body, header).status_code, 403)
        self.assertEqual(transaction.state, "draft")
        self.assertBalance(self.wallet, 0)

    def test_without_a_secret_nothing_is_believed(self):
        _topup, transaction = self._order()
        body = self._native_event(transaction)
        self.stripe.stripe_webhook_secret = False
        self.assertRefused(transaction, body, None)
        self.assertRefused(transaction, body, signed(body, ""))

    def test_what_a_forged_message_about_another_payment_left_over_becomes_no_balance(self):
        """Odoo believes it while no secret is set. The customer has paid nothing, and has it used for a top-up."""
        other = self.env["payment.transaction"].create(
            {
                "provider_id": self.stripe.id,
                "payment_method_id": self.card.id,
                "amount": 100,
                "currency_id": self.dollar.id,
                "partner_id": self.partner.id,
                "operation": "online_direct",
            }
        )
        self.stripe.stripe_webhook_secret = False
        self._post_native(self._native_event(other), None)
        other._post_process()
        self.assertEqual(other.payment_id.state, "in_process")
        self.stripe.stripe_webhook_secret = WEBHOOK_SECRET
        topup = self.wallet.create_topup("100")
        self.assertEqual(topup.outstanding_credit, 0)
        self.assertEqual(topup.apply_outstanding_credit(), 0)
        # Nor where an accountant assigns it by Odoo's own means.
        item = other.payment_id.move_id.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        topup.invoice_id.js_assign_outstanding_line(item.id)
        self.assertBalance(self.wallet, 0)

    def test_unsigned_old_and_wrongly_signed_events_are_refused(self):
        _topup, transaction = self._order()
        body = self._native_event(transaction)
        for header in (
            None,
            "nonsense",
            "t=1",
            signed(body, "whsec_other"),
            signed(body, WEBHOOK_SECRET, when=time.time() - 3600),
            signed(body + b" ", WEBHOOK_SECRET),
            "t=1,v1=\u00e9",
        ):
            with self.subTest(header=header):
                self.assertRefused(transaction, body, header)

    def test_a_genuine_event_is_believed_wherever_its_signature_stands(self):
        for secrets in ([WEBHOOK_SECRET], ["whsec_new", WEBHOOK_SECRET], [WEBHOOK_SECRET, "whsec_new"]):
            _topup, transaction = self._order()
            body = self._native_event(transaction)
            self.assertEqual(self._post_native(body, signed(body, *secrets)).status_code, 200)
            self.assertEqual(transaction.state, "done")
            transaction._post_process()
        self.assertBalance(self.wallet, 300)

    def test_another_amount_or_currency_is_an_error(self):
        for content in ({"amount": 20000}, {"currency": "eur"}):
            _topup, transaction = self._order()
            body = self._native_event(transaction, **content)
            for _time in range(2):
                self._post_native(body, signed(body, WEBHOOK_SECRET))
                self.assertEqual(transaction.state, "error")
            [told] = self.wallet.activity_ids.filtered(lambda told, tx=transaction: tx.reference in told.summary)
            reported = r"200\.00 \(USD\)" if "amount" in content else r"100\.00.*\(EUR\)"
            self.assertRegex(told.note, r"100\.00 was asked for, .* reports .*" + reported)
        self.assertEqual(len(self.wallet.activity_ids), 2)
        self.assertBalance(self.wallet, 0)

    def test_after_a_decline_another_amount_is_an_error_still_and_the_right_one_is_not(self):
        _topup, transaction = self._order()
        for content, state in (
            ({"type": "payment_intent.payment_failed", "status": "requires_payment_method"}, "error"),
            ({"amount": 20000}, "error"),
            ({}, "done"),
        ):
            body = self._native_event(transaction, **content)
            self._post_native(body, signed(body, WEBHOOK_SECRET))
            self.assertEqual(transaction.state, state)
        self.assertEqual(len(self.wallet.activity_ids), 1)
        transaction._post_process()
        self.assertBalance(self.wallet, 100)

    def test_the_same_event_again_and_a_late_failure_change_nothing(self):
        topup, transaction = self._order()
        body = self._native_event(transaction)
        for _time in range(2):
            self._post_native(body, signed(body, WEBHOOK_SECRET))
            transaction._post_process()
        late = self._native_event(transaction, type="payment_intent.payment_failed", status="requires_payment_method")
        self._post_native(late, signed(late, WEBHOOK_SECRET))
        transaction._post_process()
        self.assertEqual(transaction.state, "done")
        self.assertEqual(topup.transaction_ids.mapped("type"), ["balance_added"])
        self.assertBalance(self.wallet, 100)


class TestStripeOffered(StripeCommon):
    def _offers_stripe(self, topup):
        page = self.url_open(topup.invoice_id.get_portal_url()).text
        return f'data-provider-id="{self.stripe.id}"' in page

    def test_stripe_is_offered_once_its_secret_is_there(self):
        topup = self.wallet.create_topup("100")
        self.assertTrue(self._offers_stripe(topup))
        self.assertFalse(self.stripe.call_wallet_warning)
        self.stripe.stripe_webhook_secret = False
        self.assertFalse(self._offers_stripe(topup))
        self.assertIn("webhook signing secret", self.stripe.call_wallet_warning)
        settings = self.env["res.config.settings"].create({})
        self.assertIn("webhook signing secret", settings.call_wallet_payment_warning)
        with self.assertRaisesRegex(ValidationError, "webhook signing secret"):
            self._transaction(topup)

    def test_a_provider_in_test_mode_is_refused_unless_test_payments_count(self):
        topup = self.wallet.create_topup("100")
        self.company.call_wallet_accept_test_payments = False
        self.assertFalse(self._offers_stripe(topup))
        self.assertIn("test mode", self.stripe.call_wallet_warning)
        with self.assertRaisesRegex(ValidationError, "test mode"):
            self._transaction(topup)

    def test_a_payment_without_money_is_not_credited(self):
        _topup, transaction = self._order()
        self.company.call_wallet_accept_test_payments = False
        body = self._native_event(transaction)
        self._post_native(body, signed(body, WEBHOOK_SECRET))
        transaction._post_process()
        self.assertEqual(transaction.invoice_ids.payment_state, "paid")
        self.assertFalse(transaction.is_live)
        self.assertBalance(self.wallet, 0)

    def test_other_invoices_may_be_paid_with_stripe_all_the_same(self):
        self.stripe.stripe_webhook_secret = False
        values = {
            "provider_id": self.stripe.id,
            "payment_method_id": self.card.id,
            "amount": 5,
            "currency_id": self.dollar.id,
            "partner_id": self.partner.id,
        }
        self.assertEqual(self.env["payment.transaction"].create(values).state, "draft")
