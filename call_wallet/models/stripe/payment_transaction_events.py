from datetime import UTC, datetime

from odoo import Command, api, models
from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

from ...tools.asking import ask_and_enter, refuse_superseded
from ...tools.clock import now
from ...tools.door import worker
from ...tools.sentence import telling
from ...tools.stripe_client import client
from .call_wallet_stripe_event import NotYet
from .payment_transaction import EXPAND, IN_FLIGHT


class PaymentTransactionStripeEvents(models.Model):
    """Payments and refunds at Stripe, brought to their transactions here: ours, known or not."""

    _inherit = "payment.transaction"

    def _call_wallet_major(self, minor):
        decimals = const.CURRENCY_DECIMALS.get(self.currency_id.name)
        return payment_utils.to_major_currency_units(minor, self.currency_id, arbitrary_decimal_number=decimals)

    # === PAYMENTS === #

    @worker
    @api.model
    def _call_wallet_bring_intent(self, provider, name):
        """Bring our side to how a payment stands at Stripe; return whether it pays a top-up of ours."""
        return ask_and_enter(
            self.env,
            lambda: client(provider).payment_intents.retrieve(name, {"expand": EXPAND}).to_dict(),
            lambda intent, _asked_at: bool(self._call_wallet_bring(provider, intent)),
        )

    @api.model
    def _call_wallet_bring(self, provider, intent):
        """Process a payment intent (a dict); return its transaction, or none where it is not ours."""
        transaction = self._call_wallet_find(provider, intent)
        if not transaction:
            if not self._call_wallet_is_ours(intent):
                return self.browse()
            if datetime.fromtimestamp(intent["created"], UTC) > now() - IN_FLIGHT:
                raise NotYet(f"The transaction of {intent['id']} is not there yet.")
            transaction = self._call_wallet_adopt(provider, intent)
        if transaction and (transaction.state != "done" or not transaction.call_wallet_receipt_url):
            transaction._call_wallet_process_intent(intent)
        if transaction.state == "done" and not transaction.is_post_processed:
            transaction._post_process()
        return transaction

    @api.model
    def _call_wallet_find(self, provider, intent):
        payments = [("provider_id", "=", provider.id), ("operation", "!=", "refund")]
        found = self.search([*payments, ("provider_reference", "=", intent["id"])], limit=1)
        if not found and intent.get("description"):
            found = self.search(
                [*payments, ("reference", "=", intent["description"]), ("provider_reference", "=", False)]
            ).filtered(lambda transaction: transaction._call_wallet_minor(transaction.amount) == intent["amount"])
        return found if found._call_wallet_topups() else self.browse()

    @api.model
    def _call_wallet_is_ours(self, intent):
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        metadata = intent.get("metadata") or {}
        return metadata.get("call_wallet_db") == database and bool(metadata.get("call_wallet_topup"))

    @api.model
    def _call_wallet_adopt(self, provider, intent):
        """Make the transaction of a payment that went through at Stripe and was rolled back here."""
        if intent["status"] != "succeeded":
            return self.browse()
        names = [int(name) for name in intent["metadata"]["call_wallet_topup"].split(",")]
        topups = self.env["call.wallet.topup"].browse(names).exists()
        customer = self.env["call.wallet.stripe.customer"].search([("reference", "=", intent["customer"])], limit=1)
        if not topups:
            return self.browse()
        method = intent["payment_method"]
        code = method.get("type") if isinstance(method, dict) else "card"
        currency = self._call_wallet_currency(intent["currency"])
        decimals = const.CURRENCY_DECIMALS.get(currency.name)
        transaction = self.create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env["payment.method"]
                ._get_from_code(code, mapping=const.PAYMENT_METHODS_MAPPING)
                .id
                or self.env.ref("payment.payment_method_card").id,
                "reference": self._compute_reference("stripe", prefix=intent["description"]),
                "provider_reference": intent["id"],
                "amount": payment_utils.to_major_currency_units(
                    intent["amount"], currency, arbitrary_decimal_number=decimals
                ),
                "currency_id": currency.id,
                "partner_id": (customer.partner_id or topups.partner_id)[:1].id,
                "operation": "offline",
                "invoice_ids": [Command.set(topups.invoice_id.ids)],
            }
        )
        told = topups.wallet_id[:1]._for_finance()
        _ = telling(told.env)
        told._tell_finance(
            _("Payment %s was charged but not entered here", transaction.reference),
            _("It is entered now. Check that the invoice was not paid twice."),
            about=transaction,
        )
        return transaction

    @worker
    @api.model
    def _call_wallet_bring_session(self, provider, name):
        """Bring a payment to how its page at Stripe stands; return whether it is one of ours."""
        transaction = self.search([("provider_id", "=", provider.id), ("call_wallet_checkout_session", "=", name)])
        if transaction:
            transaction._call_wallet_bring_page()
        return bool(transaction)

    @worker
    def _call_wallet_bring_page(self, leave=False):
        """Ask Stripe how the payment's page stands, and enter that; ``leave`` ends a page that is open still."""
        ask_and_enter(
            self.env,
            lambda: self._call_wallet_ask_checkout(leave),
            lambda session, _asked_at: self._call_wallet_enter_page(session),
        )

    def _call_wallet_enter_page(self, session):
        self._call_wallet_enter_checkout(session)
        if self.state in ("done", "cancel") and not self.is_post_processed:
            self._post_process()

    def _call_wallet_end_unknown(self):
        """End a payment that the account does not know: else its invoice could never be paid again.

        Should the former key come back, or a message of it, what was paid is entered all the same.
        """
        self._call_wallet_lock()
        self.invalidate_recordset()
        if self.state not in ("pending", "authorized"):
            return
        self._set_error(
            self.env._("It is not known what became of this payment. We look into it; ask us before you pay again.")
        )
        told = self._call_wallet_topups().wallet_id[:1]._for_finance()
        _ = telling(told.env)
        told._tell_finance(
            _("Payment %s is not known to Stripe any more", self.reference),
            _(
                "Another account's key was entered, or that of the other mode, while it was under way. See in the "
                "former account whether it was paid there: if so, register the payment on its invoice, else the "
                "customer may pay again.",
            ),
        )

    # === REFUNDS === #

    def _create_child_transaction(self, amount, is_refund=False, **custom_create_values):
        """Make one refund at a time of a top-up's payment: ours, and those made in Stripe's dashboard.

        None has the payment's saved card: money goes back by the payment, also where the card is archived by
        now, with which Odoo lets no transaction be made.
        """
        if is_refund and self._call_wallet_by_library():
            self._call_wallet_lock()
        if is_refund and self._call_wallet_topups():
            custom_create_values.setdefault("token_id", False)
        return super()._create_child_transaction(amount, is_refund=is_refund, **custom_create_values)

    def _call_wallet_lock(self):
        # A write: whoever else is at this payment waits, then fails, and is repeated.
        self.env.cr.execute("UPDATE payment_transaction SET state = state WHERE id = %s", [self.id])

    @worker
    @api.model
    def _call_wallet_bring_refunds(self, provider, charge):
        return ask_and_enter(
            self.env,
            lambda: self._call_wallet_list_refunds(provider, {"charge": charge}),
            lambda refunds, asked_at: self._call_wallet_enter_refunds(provider, refunds, asked_at),
        )

    @api.model
    def _call_wallet_list_refunds(self, provider, parameters):
        refunds = client(provider).refunds.list({**parameters, "limit": 100})
        return [refund.to_dict() for refund in refunds.auto_paging_iter()]

    def _call_wallet_enter_refunds(self, provider, refunds, asked_at):
        ours = [self._call_wallet_enter_refund(provider, refund, asked_at) for refund in refunds]
        return any(ours)

    @worker
    @api.model
    def _call_wallet_bring_refund(self, provider, name):
        return ask_and_enter(
            self.env,
            lambda: client(provider).refunds.retrieve(name).to_dict(),
            lambda refund, asked_at: self._call_wallet_enter_refund(provider, refund, asked_at),
        )

    @api.model
    def _call_wallet_enter_refund(self, provider, refund, asked_at):
        """Bring our side to how a refund stands at Stripe, whoever made it; return whether it is ours.

        :raise Superseded: the refund was entered after Stripe was asked for it
        """
        if not refund["payment_intent"]:  # of a payment made elsewhere, without one
            return False
        source = self.search(
            [
                ("provider_id", "=", provider.id),
                ("provider_reference", "=", refund["payment_intent"]),
                ("operation", "!=", "refund"),
            ],
            limit=1,
        )
        if not source._call_wallet_topups():
            return False
        source._call_wallet_lock()
        children = source.child_transaction_ids.filtered(lambda child: child.operation == "refund")
        transaction = children.filtered(lambda child: child.provider_reference == refund["id"])
        refuse_superseded(transaction, asked_at)
        reference = (refund.get("metadata") or {}).get("call_wallet_reference")
        if not transaction and reference:
            transaction = children.filtered(
                lambda child: child.reference == reference and not child.provider_reference and child.state != "error"
            )
        if not transaction:
            if refund["status"] in ("failed", "canceled"):
                return True
            transaction = source._create_child_transaction(
                source._call_wallet_major(refund["amount"]), is_refund=True, provider_reference=refund["id"]
            )
        transaction._call_wallet_process_refund(refund)
        if not transaction.is_post_processed:
            transaction._post_process()
        return True

    @worker
    def _call_wallet_find_refund(self, provider):
        """Look at Stripe for a refund whose answer was lost; ask for it again where it is not there."""
        source = self.source_transaction_id.provider_reference
        refunds = self._call_wallet_list_refunds(provider, {"payment_intent": source})
        ours = [
            refund for refund in refunds if (refund["metadata"] or {}).get("call_wallet_reference") == self.reference
        ]
        if ours:
            self._call_wallet_bring_refund(provider, ours[0]["id"])
        else:
            self._call_wallet_ask_refund()

    # === DIRECT DEBITS === #

    def _call_wallet_block_debits(self):
        """Take no more direct debits from a customer whose bank has returned one."""
        if self._call_wallet_method_types() == ["us_bank_account"]:
            company = self.partner_id.commercial_partner_id
            company.call_wallet_no_debits = True
            tokens = self.env["payment.token"].search([("partner_id", "child_of", company.id)])
            debits = tokens.filtered(lambda token: token.payment_method_id.code == "ach_direct_debit")
            (debits | self.token_id).active = False
