"""Payments that do not go as planned, from the outside: portal, payment form, JSON-2, Stripe's messages.

A second tab after payment is in test_topup_payment.py, a refund in Stripe's dashboard in test_stripe_returns.py.
"""

import json
from datetime import datetime, timedelta

from odoo import http
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .stripe_case import StripeFakeCase

BOOKKEEPER = "account.group_account_user"  # imports the bank's statements


class TestMoneyEdgeCases(StripeFakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.demo = cls._provider("code", "demo", state="test")
        cls.wire = cls._provider("custom_mode", "wire_transfer", state="enabled")
        cls.owner = new_test_user(cls.env, login="edge-owner", password="edge-owner", groups="base.group_portal")
        cls.owner.partner_id.parent_id = cls.partner
        cls.wallet.owner_ids = cls.owner
        cls.keys = {group: cls._key(group) for group in ("finance", "finance_manager", BOOKKEEPER)}
        cls.bank = cls.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", cls.company.id)], limit=1
        )

    @classmethod
    def _provider(cls, field, value, **values):
        domain = [(field, "=", value), ("company_id", "=", cls.company.id)]
        provider = cls.env["payment.provider"].search(domain, limit=1)
        provider.write({"is_published": True, **values})
        return provider

    @classmethod
    def _key(cls, group):
        user = cls._make_user(f"edge-{group}", group)
        keys = cls.env["res.users.apikeys"].with_user(user).sudo()
        return keys._generate("rpc", "edge", datetime.now() + timedelta(hours=1))

    # === WHO DOES WHAT === #

    def _ask(self, method, ids=(), by="finance", **arguments):
        """Call ``model/method`` over JSON-2 with the key of somebody in finance; return the response."""
        body = {"ids": list(ids), **arguments} if ids else arguments
        headers = {"Authorization": f"bearer {self.keys[by]}", "Content-Type": "application/json"}
        browser = self.session, self.opener
        self.session = None
        self.authenticate(None, None)  # a program has no session
        response = self.url_open(f"/json/2/{method}", data=json.dumps(body), headers=headers)
        self.session, self.opener = browser
        self.env.invalidate_all()
        return response

    def _do(self, method, ids=(), **arguments):
        response = self._ask(method, ids, **arguments)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def _refused(self, message, method, ids=(), **arguments):
        with mute_logger("odoo.http"):
            response = self._ask(method, ids, **arguments)
        self.assertEqual(response.status_code, 422, response.text)
        self.assertIn(message, response.json()["message"])

    def _transfer(self, amount, text, journal=None):
        """A line of the bank's statement is entered, and transfers are matched."""
        values = {"journal_id": (journal or self.bank).id, "amount": amount, "payment_ref": text}
        [line] = self._do("account.bank.statement.line/create", by=BOOKKEEPER, vals_list=[values])
        self._do("call.wallet.topup/match_transfers")
        return self.env["account.bank.statement.line"].browse(line)

    def _page(self, path=""):
        self.authenticate("edge-owner", "edge-owner")
        return self.url_open(f"/my/billing/{self.wallet.id}{path}").text.replace("\N{NO-BREAK SPACE}", "")

    def _post_form(self, path, **form):
        self.authenticate("edge-owner", "edge-owner")
        data = {"csrf_token": http.Request.csrf_token(self), **form}
        response = self.url_open(f"/my/billing/{self.wallet.id}{path}", data=data, allow_redirects=False)
        self.assertEqual(response.status_code, 303, response.text)
        self.env.invalidate_all()
        return response

    def _add_balance(self, amount, **form):
        """The owner orders on the portal."""
        terms = self.env["call.wallet.terms"]._current()
        form = {"package": "other", "other_amount": amount, "accept_terms": "on", "terms_id": terms.id, **form}
        self._post_form("/add", request_key=f"key-{amount}-{len(self.wallet.topup_ids)}", **form)
        return self.wallet.topup_ids.sorted("id")[-1]

    def _choose(self, topup, provider, flow="direct"):
        """Choose a way to pay on the payment form; return what the browser is told to do."""
        return self._rpc(
            f"/invoice/transaction/{topup.invoice_id.id}",
            access_token=topup.invoice_id._portal_ensure_token(),
            provider_id=provider.id,
            payment_method_id=provider.with_context(active_test=False).payment_method_ids[:1].id,
            token_id=None,
            amount=topup.invoice_id.amount_residual,
            flow=flow,
            tokenization_requested=False,
            landing_route="/my/billing",
        )

    def _answer(self, processing, state="done"):
        """The demo provider answers, and the status page looks."""
        params = {"reference": processing["reference"], "payment_details": "4242", "simulated_state": state}
        self._rpc("/payment/demo/simulate_payment", **params)
        if state == "done":
            self._rpc("/payment/status/poll")
        self.env.invalidate_all()

    def _pay_with_stripe(self, amount):
        """A top-up that was paid on Stripe's page."""
        topup = self.wallet.create_topup(amount)
        _transaction, session = self._pay_by_page(topup)
        self.fake.checkout.pay(session, "4242424242424242")
        self._deliver_all("payment_intent.succeeded", own=False)
        self._rpc("/payment/status/poll")
        self.assertBalance(self.wallet, amount)
        return topup

    def _spend(self, hours):
        """1.20 dollars an hour."""
        self._record(self._call(call_type="whatsapp", duration_seconds=3600 * hours))

    def _told(self):
        """What finance was told about this wallet."""
        return self.wallet.activity_ids.mapped("summary")

    # === BANK TRANSFERS === #

    def test_a_partial_transfer_credits_its_part_and_says_what_is_missing(self):
        topup = self._add_balance("100")
        self._transfer(40, topup.invoice_id.payment_reference)
        self.assertBalance(self.wallet, 40)
        self.assertEqual(topup.state, "partial")
        self.assertRegex(self._page(f"?topup={topup.id}"), r"\$[^0-9]*60\.00</strong> of invoice")
        self.assertRegex(self._page(f"/pay/{topup.id}"), r'data-pay="due"[^$]*\$[^0-9]*60\.00')
        invoice_page = self.url_open(topup.invoice_id.get_portal_url()).text
        self.assertRegex(invoice_page, r"\$[^0-9]*60\.00")
        self.env["call.wallet.topup"]._cron_notify()
        mail = self.env["mail.mail"].search([("subject", "like", "Balance added")], limit=1)
        self.assertRegex(mail.body_html, r"Still to be paid(.|\n)*60\.00")

    def test_a_bank_fee_is_not_credited_and_written_off_by_staff_alone(self):
        topup = self._add_balance("100")
        self._transfer(85, topup.invoice_id.payment_reference)
        self.assertEqual((topup.state, topup.missing_amount), ("partial", 15))
        fees = self.env["account.account"].search(
            [("account_type", "=", "expense"), ("company_ids", "in", self.company.ids)], limit=1
        )
        receivable = self.partner.property_account_receivable_id
        common = {"name": "Fee of the bank", "partner_id": self.partner.id}
        [entry] = self._do(
            "account.move/create",
            by="finance_manager",
            vals_list=[
                {
                    "move_type": "entry",
                    "line_ids": [
                        [0, 0, {**common, "account_id": fees.id, "debit": 15}],
                        [0, 0, {**common, "account_id": receivable.id, "credit": 15}],
                    ],
                }
            ],
        )
        self._do("account.move/action_post", [entry], by="finance_manager")
        items = self.env["account.move"].browse(entry).line_ids
        item = items.filtered(lambda line: line.account_id == receivable)
        self._do("account.move/js_assign_outstanding_line", topup.invoice_id.ids, by="finance_manager", line_id=item.id)
        self.assertEqual((topup.invoice_id.payment_state, topup.state), ("paid", "paid"))
        self.assertBalance(self.wallet, 85)
        self.assertSound(self.wallet)

    def test_a_surplus_is_offered_on_the_next_add_balance_and_used_by_the_server(self):
        topup = self._add_balance("100")
        self.assertNotIn("paid and not used", self._page("/add"))
        self._transfer(130, topup.invoice_id.payment_reference)
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self._told(), [f"A transfer for {topup.invoice_id.name} was more than was to be paid"])
        page = self._page("/add?amount=50")
        self.assertIn("<strong>$30.00</strong> paid and not used", page)
        self.assertRegex(page, r'data-summary="due"[^$]*\$20\.00')
        following = self._add_balance("50", credit="1000", outstanding="1000", due="0")
        self.assertEqual((following.missing_amount, following.state), (20, "partial"))
        self.assertBalance(self.wallet, 130)
        self.assertNotIn("paid and not used", self._page("/add?amount=50"))
        self.assertSound(self.wallet)

    def test_a_surplus_pays_a_whole_top_up_or_an_older_invoice(self):
        older, topup = self._add_balance("25"), self._add_balance("100")
        self._transfer(130, topup.invoice_id.payment_reference)
        terms = self.env["call.wallet.terms"]._current()
        form = {"package": "10", "accept_terms": "on", "terms_id": terms.id, "request_key": "in-the-dialog"}
        answer = self._rpc(f"/my/billing/{self.wallet.id}/add/order", **form)
        whole = self.wallet.topup_ids.sorted("id")[-1]
        self.assertEqual(answer, {"redirect": f"/my/billing/{self.wallet.id}?topup={whole.id}"})
        self.assertBalance(self.wallet, 110)
        self.assertIn("$20.00", self._page(f"/pay/{older.id}"))
        self._post_form(f"/pay/{older.id}/credit")
        self.assertEqual(older.missing_amount, 5)
        self.assertBalance(self.wallet, 130)

    def test_nobody_else_uses_a_customer_s_surplus(self):
        older, topup = self._add_balance("25"), self._add_balance("100")
        self._transfer(130, topup.invoice_id.payment_reference)
        new_test_user(self.env, login="edge-stranger", password="edge-stranger", groups="base.group_portal")
        self.authenticate("edge-stranger", "edge-stranger")
        path = f"/my/billing/{self.wallet.id}/pay/{older.id}/credit"
        with mute_logger("odoo.http"):
            response = self.url_open(path, data={"csrf_token": http.Request.csrf_token(self)})
        self.assertEqual(response.status_code, 404)
        self.assertBalance(self.wallet, 100)

    def test_a_transfer_in_another_currency_is_settled_in_the_invoice_s(self):
        topup = self._add_balance("100")
        euro = self.env.ref("base.EUR")
        euro.active = True
        date = topup.invoice_id.invoice_date
        self.env["res.currency.rate"].create({"currency_id": euro.id, "rate": 0.8, "name": date})
        journal = self.bank.copy({"currency_id": euro.id, "name": "Bank in euros"})
        line = self._transfer(40, topup.invoice_id.payment_reference, journal)
        self.assertFalse(line.is_reconciled)
        self.assertBalance(self.wallet, 0)
        self.assertEqual(len(self._told()), 1)
        self.assertIn("is in EUR", self.wallet.activity_ids.note)
        context = {"active_model": "account.move", "active_ids": topup.invoice_id.ids}
        values = {"currency_id": euro.id, "amount": 40, "payment_date": str(date)}
        wizard = self._do("account.payment.register/create", vals_list=[values], context=context)
        self._do("account.payment.register/action_create_payments", wizard, context=context)
        self.assertEqual((topup.state, topup.missing_amount), ("partial", 50))
        self.assertBalance(self.wallet, 50)
        self._refused("currency", "call.wallet/write", self.wallet.ids, vals={"currency_id": euro.id})

    def test_a_transfer_without_a_reference_waits_for_the_accountant(self):
        topup = self._add_balance("100")
        line = self._transfer(100, "Payment for calls, thank you")
        self.assertFalse(line.is_reconciled)
        self.assertEqual(topup.state, "pending")
        self.assertBalance(self.wallet, 0)
        self.assertEqual(self.wallet._outstanding_credit(), 0)

    def test_a_wire_that_comes_after_the_card_stays_the_customer_s(self):
        topup = self._add_balance("100")
        chosen = self._choose(topup, self.wire, flow="redirect")
        self.url_open("/payment/custom/process", data={"reference": chosen["reference"]}, allow_redirects=False)
        wire = self.env["payment.transaction"].search([("reference", "=", chosen["reference"])])
        self.assertEqual(wire.state, "pending")
        self._answer(self._choose(topup, self.demo))
        self.assertEqual((topup.state, wire.state), ("paid", "cancel"))
        line = self._transfer(100, topup.invoice_id.payment_reference)
        self.assertTrue(line.is_reconciled)
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self._told(), [f"A transfer for {topup.invoice_id.name} was more than was to be paid"])
        self.assertIn("<strong>$100.00</strong> paid and not used", self._page("/add?amount=50"))
        self.assertSound(self.wallet)

    # === MONEY THAT GOES BACK === #

    def test_what_is_not_used_goes_back_to_the_card_with_a_credit_note(self):
        topup = self._pay_with_stripe("100")
        self._spend(25)  # 30 dollars
        arguments = {"by": "finance_manager", "amount": "70", "reason": "Not needed", "request_key": "click"}
        for _time in range(2):
            [note_id] = self._do("call.wallet.topup/pay_back", topup.ids, **arguments)
        note = topup.invoice_id.reversal_move_ids
        self.assertEqual((note.ids, note.amount_total, note.payment_state), ([note_id], 70, "paid"))
        self.assertEqual([refund["amount"] for refund in self.fake.store.find("refund")], [7000])
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_what_is_used_goes_back_only_where_a_manager_says_so(self):
        topup = self._pay_with_stripe("100")
        self._spend(25)
        whole = {"amount": "100", "reason": "Goodwill"}
        self._refused("70.00", "call.wallet.topup/pay_back", topup.ids, by="finance_manager", **whole)
        self.assertEqual(self._ask("call.wallet.topup/pay_back", topup.ids, **whole).status_code, 403)
        self.assertBalance(self.wallet, 70)
        self.assertFalse(self.fake.store.find("refund"))
        self._do("call.wallet.topup/pay_back", topup.ids, by="finance_manager", allow_negative=True, **whole)
        self.assertBalance(self.wallet, -30)
        self.assertEqual(self.wallet.state, "paused")

    def test_odoos_own_refund_stops_at_what_is_used_unless_a_manager_says_so(self):
        payment = self._pay_with_stripe("100").invoice_id.transaction_ids
        self._spend(25)  # 30 dollars
        refund = "payment.transaction/action_refund"
        self._refused("70.00 USD", refund, payment.ids)
        self._refused("70.00 USD", refund, payment.ids, amount_to_refund=70.01)
        self.assertFalse(self.fake.store.find("refund"))
        self.assertFalse(payment.child_transaction_ids)
        self._do(refund, payment.ids, amount_to_refund=30)
        self._refused("40.00 USD", refund, payment.ids, amount_to_refund=40.01)  # its credit note is not there yet
        payment.child_transaction_ids._post_process()
        self.assertBalance(self.wallet, 40)
        self._refused("40.00 USD", refund, payment.ids, amount_to_refund=40.01)
        self._do(refund, payment.ids, by="finance_manager", amount_to_refund=60)
        payment.child_transaction_ids._post_process()
        self.assertBalance(self.wallet, -20)
        self.assertSound(self.wallet)

    def test_a_refund_that_fails_later_gives_the_funds_back_and_finance_a_task(self):
        topup = self._pay_with_stripe("100")
        self._do("call.wallet.topup/pay_back", topup.ids, by="finance_manager", amount="30", reason="Not needed")
        self.assertBalance(self.wallet, 70)
        [refund] = self.fake.store.find("refund")
        self.fake.money_back.fail_refund(refund["id"])
        for _time in range(2):
            self._deliver_all("refund.failed", "charge.refund.updated")
        self.env.invalidate_all()
        self.assertBalance(self.wallet, 100)
        self.assertEqual(topup.invoice_id.reversal_move_ids.state, "cancel")
        self.assertRegex(" ".join(self._told()), "^Refund .* failed$")
        self.assertSound(self.wallet)

    def test_a_refund_that_stripe_refuses_leaves_the_funds_and_the_dialog_says_so(self):
        topup = self._pay_with_stripe("100")
        [intent] = self.fake.store.find("payment_intent")
        self.fake.money_back.create_refund({"payment_intent": intent["id"], "amount": "8000"})  # not told of it yet
        values = {"topup_id": topup.id, "amount": 30, "reason": "Not needed"}
        dialog = self._do("call.wallet.payback.wizard/create", by="finance_manager", vals_list=[values])
        told = self._do("call.wallet.payback.wizard/action_pay_back", dialog, by="finance_manager")["params"]
        self.assertEqual(told["type"], "danger")
        self.assertIn("The funds are in the wallet again", told["message"])
        self.assertBalance(self.wallet, 100)
        self._deliver_all("refund.created")
        self.assertBalance(self.wallet, 20)
        self.assertSound(self.wallet)

    # === INVOICES CANCELLED, CREDITED === #

    def test_an_invoice_is_not_cancelled_while_it_is_being_paid(self):
        topup = self._add_balance("100")
        self._answer(self._choose(topup, self.demo), "pending")
        self._refused("being processed", "account.move/button_cancel", topup.invoice_id.ids)
        self.assertEqual(topup.state, "pending")

    def test_money_for_a_cancelled_invoice_stays_the_customer_s_and_finance_is_told(self):
        topup = self._add_balance("100")
        processing = self._choose(topup, self.demo)
        self._do("account.move/button_cancel", topup.invoice_id.ids)
        self._answer(processing)
        self.assertBalance(self.wallet, 0)
        self.assertEqual(topup.state, "cancelled")
        self.assertEqual(self._told(), [f"Payment {processing['reference']} is left over"])
        self.assertIn("<strong>$100.00</strong> paid and not used", self._page("/add?amount=50"))
        self._add_balance("50")
        self.assertBalance(self.wallet, 50)
        self.assertSound(self.wallet)

    def test_a_credit_note_for_funds_spent_meanwhile_is_refused(self):
        topup = self._pay_with_stripe("100")
        context = {"active_model": "account.move", "active_ids": topup.invoice_id.ids}
        values = {"journal_id": topup.invoice_id.journal_id.id, "reason": "Not needed"}
        wizard = self._do("account.move.reversal/create", vals_list=[values], context=context)
        self._do("account.move.reversal/refund_moves", wizard, context=context)
        note = topup.invoice_id.reversal_move_ids
        self._spend(25)
        self._refused("used already", "account.move/action_post", note.ids)
        self.assertEqual(note.state, "draft")
        self.assertBalance(self.wallet, 70)
