"""Stripe is asked while nothing is locked and nothing is unsaved. Real commits: else everything is one transaction.

The stand-in looks at each request whether the database has a transaction that wrote or locked something. Not here:
payments that a person starts on Odoo's payment form, and Odoo's own Refund button. Odoo asks the provider inside its
transaction there; no wallet is locked by it.
"""

import json

import pytest
import requests

from .conftest import OdooServer
from .real_commits import environment
from .stripe_case import OWN_SECRET, WEBHOOK_SECRET, signed
from .stripe_fake import StripeFake
from .stripe_fake.watch import Watch

pytestmark = pytest.mark.real_commits

ACCOUNT = "GLOBEX"


class Site:
    """A database whose Stripe account is on the stand-in, which watches its transactions."""

    def __init__(self, registry, fake):
        self.registry = registry
        self.fake = fake
        self.delivered = set()
        with environment(registry) as env:
            wallet = self.wallet(env)
            wallet.company_id.call_wallet_accept_test_payments = True
            env["ir.config_parameter"].set_param("call_wallet.stripe_api_base", fake.url)
            provider = self.provider(env)
            provider.write(
                {
                    "state": "test",
                    "is_published": True,
                    "company_id": wallet.company_id.id,
                    "stripe_publishable_key": "pk_test_1",
                    "stripe_secret_key": "sk_test_1",
                    "stripe_webhook_secret": WEBHOOK_SECRET,
                    "call_wallet_webhook_secret": OWN_SECRET,
                    "call_wallet_bank_transfer": True,
                }
            )
            provider.journal_id  # made where it is missing
            env.cr.commit()
            customer = env["call.wallet.stripe.customer"]._of(provider, wallet.partner_id).reference
            method = fake.payments.attach("pm_card_visa", {"customer": customer})
            self.token_id = (
                env["payment.token"]
                .create(
                    {
                        "provider_id": provider.id,
                        "payment_method_id": env.ref("payment.payment_method_card").id,
                        "payment_details": "4242",
                        "partner_id": wallet.partner_id.id,
                        "provider_ref": customer,
                        "stripe_payment_method": method["id"],
                    }
                )
                .id
            )
            env.cr.commit()
            self.customer = customer

    def wallet(self, env):
        return env["call.wallet"].search([("account_ref", "=", ACCOUNT)])

    def provider(self, env):
        return env.ref("payment.payment_provider_stripe")

    def deliver(self, env):
        """Bring the stand-in's events as the webhook does."""
        for event in self.fake.store.find("event")[::-1]:
            if event["id"] not in self.delivered:
                self.delivered.add(event["id"])
                env["call.wallet.stripe.event"]._receive(self.provider(env), event)._process()

    def charge(self, env, amount):
        """Order a top-up and charge the saved card for it; return the top-up, paid."""
        from odoo import Command

        topup = self.wallet(env).create_topup(amount)
        payment = env["payment.transaction"].create(
            {
                "provider_id": self.provider(env).id,
                "payment_method_id": env.ref("payment.payment_method_card").id,
                "token_id": self.token_id,
                "amount": topup.invoice_id.amount_total,
                "currency_id": topup.currency_id.id,
                "partner_id": topup.partner_id.id,
                "operation": "offline",
                "invoice_ids": [Command.set(topup.invoice_id.ids)],
            }
        )
        env.cr.commit()
        watch, self.fake.watch = self.fake.watch, None  # Odoo's own way
        payment._charge_with_token()
        payment._post_process()
        env.cr.commit()
        self.fake.watch = watch
        assert topup.state == "paid"
        return topup, self.fake.store.find("charge", payment_intent=payment.provider_reference)[0]


@pytest.fixture(scope="module")
def site(shared_registry):
    fake = StripeFake().start()
    fake.webhooks.is_paused = True
    yield Site(shared_registry, fake)
    fake.stop()


@pytest.fixture
def watch(site):
    """The stand-in's watch; in the end nothing was asked inside of a transaction, and something was asked."""
    watch = site.fake.watch = Watch(site.registry.cursor)
    yield watch
    site.fake.watch = site.fake.answered = None
    assert watch.found == []
    assert watch.asked


@pytest.fixture
def server(site):
    server = OdooServer(site.registry.db_name)
    try:
        yield server.start()
    finally:
        server.stop()


def sound(env):
    assert env["call.wallet"].check_invariants() == []


def test_the_watch_sees_what_is_unsaved(site):
    watch = Watch(site.registry.cursor)
    with environment(site.registry) as env:
        watch("GET", "/read")
        env.cr.execute("SELECT FROM call_wallet WHERE id = %s FOR NO KEY UPDATE", [site.wallet(env).id])
        watch("GET", "/locked")
    assert [path for _method, path, _query in watch.found] == ["/locked"]


def test_automatic_topup(site, watch):
    with environment(site.registry) as env:
        wallet = site.wallet(env)
        before = wallet.balance
        env.cr.rollback()
        wallet.set_auto_topup(True, level=20, amount=50, monthly_cap=500, token_id=site.token_id, accept_mandate=True)
        attempt = wallet.auto_topup_now()
        assert attempt.state == "done"
        assert wallet.balance == before + 50
        wallet.set_auto_topup(False)
        sound(env)


def test_a_card_that_has_expired_is_asked_for_before_its_wallet_is_locked(site, watch):
    with environment(site.registry) as env:
        env["payment.token"].browse(site.token_id).call_wallet_expires_on = "2020-01-31"
        env.cr.commit()
        wallet = site.wallet(env)
        env.cr.rollback()
        wallet.set_auto_topup(True, level=20, amount=50, monthly_cap=500, token_id=site.token_id, accept_mandate=True)
        assert wallet.auto_topup_state == "on"
        wallet.set_auto_topup(False)


def test_messages_of_payment_refund_dispute_and_their_end(site, watch):
    with environment(site.registry) as env:
        topup, charge = site.charge(env, "100")
        site.deliver(env)
        refund = site.fake.money_back.create_refund({"charge": charge["id"], "amount": "1000"})
        site.deliver(env)
        assert topup.credited_amount == 90  # 100 less 10.00 sent back in Stripe's dashboard
        site.fake.money_back.fail_refund(refund["id"])
        site.deliver(env)
        assert topup.credited_amount == 100
        dispute = site.fake.money_back.open_dispute(charge["id"])["id"]
        site.fake.money_back.withdraw(dispute)
        site.deliver(env)
        assert topup.credited_amount == 0
        site.fake.money_back.close(dispute, won=True)
        site.deliver(env)
        assert topup.credited_amount == 100
        sound(env)


def test_an_answer_that_was_overtaken_is_asked_for_anew(site, watch):
    """While one process has its answer, "not withdrawn", another enters that the bank has taken the money."""
    with environment(site.registry) as env:
        topup, charge = site.charge(env, "100")
        dispute = site.fake.money_back.open_dispute(charge["id"])["id"]
        [opened] = [event for event in site.fake.store.find("event") if event["type"] == "charge.dispute.created"][:1]

        def overtake(_method, path):
            if path.endswith(dispute):
                site.fake.answered = None
                site.fake.money_back.withdraw(dispute)
                with environment(site.registry) as other:
                    site.deliver(other)

        site.fake.answered = overtake
        site.delivered.add(opened["id"])
        env["call.wallet.stripe.event"]._receive(site.provider(env), opened)._process()
        assert topup.credited_amount == 0
        taken = env["call.wallet.stripe.return"].search([("reference", "=", dispute)])
        assert (taken.is_taken, len(taken.payment_ids)) == (True, 1)
        sound(env)


def test_what_was_missed_is_found_by_the_comparison(site, watch):
    with environment(site.registry) as env:
        topup, charge = site.charge(env, "100")
        site.fake.money_back.create_refund({"charge": charge["id"], "amount": "2500"})
        env["call.wallet.stripe.event"]._cron_sweep()
        env.cr.rollback()
        assert topup.credited_amount == 75
        assert site.provider(env).call_wallet_swept_at
        site.delivered.update(event["id"] for event in site.fake.store.find("event"))


def test_paying_back(site, watch):
    with environment(site.registry) as env:
        topup, _charge = site.charge(env, "100")
        note = topup.pay_back("30", "unused")
        assert (topup.credited_amount, note.payment_state) == (70, "paid")
        assert note.call_wallet_refund_ids.state == "done"
        sound(env)


def test_a_refund_whose_process_ended_before_stripe_was_asked_is_sent_by_the_comparison(site, watch):
    with environment(site.registry) as env:
        topup, charge = site.charge(env, "100")
        site.fake.control.next("fail", "/refunds", times=3)
        note = topup.pay_back("30", "unused")
        [refund] = note.call_wallet_refund_ids
        assert (refund.state, site.fake.store.find("refund", charge=charge["id"])) == ("pending", [])
        env.cr.execute(
            "UPDATE payment_transaction SET state = 'draft', last_state_change = '2020-01-01' WHERE id = %s",
            [refund.id],
        )
        env.cr.commit()
        for _time in range(2):
            env["call.wallet.stripe.event"]._cron_sweep()
        env.cr.rollback()
        assert (refund.state, note.payment_state) == ("done", "paid")
        assert [one["amount"] for one in site.fake.store.find("refund", charge=charge["id"])] == [3000]
        sound(env)


def test_bank_details_and_the_transfer_that_comes(site, watch):
    with environment(site.registry) as env:
        # What other tests have left open would be paid first.
        for left in site.wallet(env).topup_ids.filtered(lambda topup: topup.state == "pending"):
            left.cancel_order()
        first, second = (site.wallet(env).create_topup(amount) for amount in ("100", "40"))
        env.cr.commit()
        assert first._bank_instructions_stripe()
        site.fake.cash.fund(site.customer, 12000)
        site.deliver(env)
        env.invalidate_all()
        assert (first.state, second.state, second.credited_amount) == ("paid", "partial", 20)
        sound(env)


def test_another_open_page_is_closed_once_the_payment_is_committed(site, watch):
    with environment(site.registry) as env:
        topup = site.wallet(env).create_topup("100")
        values = {
            "provider_id": site.provider(env).id,
            "payment_method_id": env.ref("payment.payment_method_card").id,
            "amount": topup.invoice_id.amount_total,
            "currency_id": topup.currency_id.id,
            "partner_id": topup.partner_id.id,
            "operation": "online_redirect",
            "invoice_ids": topup.invoice_id.ids,
        }
        page, paid = env["payment.transaction"].create(
            [{**values, "reference": "page"}, {**values, "reference": "paid", "operation": "online_direct"}]
        )
        watching, site.fake.watch = site.fake.watch, None  # Odoo's own way
        page._call_wallet_open_checkout()
        env.cr.commit()
        site.fake.watch = watching
        paid._set_done()
        paid._post_process()
        env.cr.commit()
        assert (page.state, topup.state) == ("cancel", "paid")
        session = site.fake.store.get("checkout.session", page.call_wallet_checkout_session)
        assert session["status"] == "expired"


def test_the_webhook_s_request(site, watch, server):
    with environment(site.registry) as env:
        topup, charge = site.charge(env, "100")
    site.fake.money_back.create_refund({"charge": charge["id"], "amount": "1000"})
    for event in site.fake.store.find("event")[::-1]:
        if event["id"] not in site.delivered:
            body = json.dumps(event).encode()
            answer = requests.post(
                f"{server.url}/call_wallet/stripe/webhook",
                body,
                headers={"Content-Type": "application/json", "Stripe-Signature": signed(body, OWN_SECRET)},
                timeout=60,
            )
            assert answer.status_code == 200
    with environment(site.registry) as env:
        assert env["call.wallet.topup"].browse(topup.id).credited_amount == 90
