from datetime import timedelta

from odoo import api, fields, models

from ...tools.asking import ask_and_enter, refuse_superseded
from ...tools.clock import utcnow
from ...tools.door import door, worker
from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.refund_parts import divide
from ...tools.sentence import telling
from ...tools.stripe_client import client
from ...tools.stripe_words import in_words
from .payment_transaction import EXPAND

# From Stripe's list of a dispute's statuses: not decided yet, an inquiry before a dispute included.
OPEN = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")

# So long Stripe is asked each time whether money that was taken back is here again.
YOUNG = timedelta(days=3)


class CallWalletStripeReturn(models.Model):
    """A payment that the customer's bank has taken back: a card's dispute, a direct debit's return.

    Level-triggered: ``_bring_to`` compares what Stripe says with ``is_taken`` and enters the
    difference. Taking back is a payment out of the provider's journal that stands against the
    one received, so that the invoice is open again; getting it back is a new payment.
    """

    _name = "call.wallet.stripe.return"
    _description = "Dispute or Returned Payment"
    _order = "id desc"
    _rec_name = "reference"

    reference = fields.Char(required=True, readonly=True, help="Stripe's name of the dispute or charge.")
    kind = fields.Selection([("dispute", "Dispute"), ("return", "Returned Debit")], required=True, readonly=True)
    transaction_id = fields.Many2one("payment.transaction", "Payment", required=True, readonly=True, index=True)
    wallet_id = fields.Many2one("call.wallet", readonly=True, index=True, help="The first, where it is about several.")
    company_id = fields.Many2one(related="transaction_id.company_id", store=True)
    currency_id = fields.Many2one(related="transaction_id.currency_id")
    amount = fields.Monetary(readonly=True)
    status = fields.Char("Status at Stripe", readonly=True, help="As Stripe names it.")
    reason = fields.Char("Reason at Stripe", readonly=True, help="As Stripe names it.")
    status_text = fields.Char("Status", compute="_compute_texts")
    reason_text = fields.Char("Reason", compute="_compute_texts")
    is_taken = fields.Boolean("Taken Back", readonly=True)
    payment_ids = fields.Many2many("account.payment", string="Payments", readonly=True)
    held_amount = Amount(
        "Held", required=True, default=0, readonly=True, help="Not available to calls while the dispute is open."
    )
    held_ids = fields.One2many("call.wallet.stripe.held", "return_id", "Held of", readonly=True)
    asked_at = fields.Datetime(readonly=True, help="When Stripe was last asked whether the money is here again.")

    _once = models.UniqueIndex("(reference)", "A dispute is kept once.")

    @api.depends("status", "reason")
    @api.depends_context("lang")
    def _compute_texts(self):
        for record in self:
            record.status_text = in_words(self.env, record.status)
            record.reason_text = in_words(self.env, record.reason)

    # === WHAT STRIPE SAYS === #

    @worker
    @api.model
    def _bring_dispute(self, provider, name):
        """Bring our side to how a dispute stands at Stripe; return whether it is about a top-up."""
        return ask_and_enter(
            self.env,
            lambda: client(provider).disputes.retrieve(name).to_dict(),
            lambda dispute, asked_at: self._enter_dispute(provider, dispute, asked_at),
        )

    @api.model
    def _enter_dispute(self, provider, dispute, asked_at):
        name = dispute["id"]
        transaction = self._payment_of(provider, dispute["payment_intent"])
        if not transaction:
            return False
        self._lock_payment(transaction)
        refuse_superseded(self.search([("reference", "=", name)]), asked_at)
        record = self._of("dispute", name, transaction, dispute["amount"], dispute["reason"])
        is_taken = sum(entry["amount"] for entry in dispute["balance_transactions"]) < 0
        record._bring_to(is_taken, dispute["status"])
        return True

    @worker
    @api.model
    def _bring_charge(self, provider, name):
        """Take a payment back that failed after it had succeeded, as a direct debit can for weeks."""
        return ask_and_enter(
            self.env,
            lambda: self._ask_charge(provider, name),
            lambda answer, asked_at: self._enter_charge(provider, *answer, asked_at),
        )

    def _ask_charge(self, provider, name):
        """Return a charge and its payment intent (dicts); no intent where it is no payment of a top-up."""
        charge = client(provider).charges.retrieve(name).to_dict()
        if not self._payment_of(provider, charge["payment_intent"]):
            return charge, None
        intent = client(provider).payment_intents.retrieve(charge["payment_intent"], {"expand": EXPAND}).to_dict()
        return charge, intent

    def _enter_charge(self, provider, charge, intent, asked_at):
        name = charge["id"]
        transaction = self._payment_of(provider, charge["payment_intent"])
        if not (transaction and intent):
            return False
        self._lock_payment(transaction)
        for records in (transaction, self.search([("reference", "=", name)])):
            refuse_superseded(records, asked_at)
        if transaction.state != "done":
            transaction._call_wallet_process_intent(intent)
            return True
        if self._is_returned(charge, intent):
            record = self._of("return", name, transaction, charge["amount"], charge["failure_code"])
            record._bring_to(True, "failed")
            transaction._call_wallet_block_debits()
            return True
        # Taken back although the money is here.
        self.search([("reference", "=", name), ("is_taken", "=", True)])._bring_to(False, charge["status"])
        return True

    def _is_returned(self, charge, intent):
        """Tell whether the payment failed with this charge: a declined card may be followed by one that pays."""
        latest = (intent["latest_charge"] or {}).get("id")
        return charge["status"] == "failed" and latest == charge["id"] and intent["status"] != "succeeded"

    def _payment_of(self, provider, intent):
        if not intent:  # made elsewhere, without one; a draft of ours has none yet
            return self.env["payment.transaction"]
        transaction = self.env["payment.transaction"].search(
            [("provider_id", "=", provider.id), ("provider_reference", "=", intent), ("operation", "!=", "refund")],
            limit=1,
        )
        return transaction if transaction._call_wallet_topups() else transaction.browse()

    def _lock_payment(self, transaction):
        # A write: whoever else is at this payment fails, and is repeated, instead of taking it back twice.
        self.env.cr.execute("UPDATE payment_transaction SET state = state WHERE id = %s", [transaction.id])

    def _of(self, kind, name, transaction, minor, reason):
        """Return the record of a dispute or return, made if it is new, and locked."""
        self._lock_payment(transaction)
        record = self.search([("reference", "=", name)])
        if record:
            return record
        record = self.create(
            {
                "reference": name,
                "kind": kind,
                "transaction_id": transaction.id,
                "wallet_id": transaction._call_wallet_topups().wallet_id[:1].id,
                "amount": transaction._call_wallet_major(minor),
                "reason": reason,
            }
        )
        record._tell(
            record._wallets(),
            lambda _: _("Dispute %s was opened", name) if kind == "dispute" else _("Payment %s came back", name),
        )
        return record

    def _wallets(self):
        """Return the wallets to whose funds the payment's part comes; all that it has paid where none is left."""
        topups = self.transaction_id._call_wallet_topups()
        parts, _is_certain = divide(parse_amount(self.amount), self.transaction_id._call_wallet_left())
        concerned = topups.filtered(lambda topup: parts.get(topup.invoice_id))
        return (concerned or topups).wallet_id

    # === WHAT FOLLOWS === #

    def _bring_to(self, is_taken, status):
        self.status = status
        if is_taken and not self.is_taken:
            self._take_back()
        elif self.is_taken and not is_taken:
            self._give_back()
        self._follow_dispute()

    def _take_back(self):
        transaction = self.transaction_id
        if transaction.state == "done" and not transaction.payment_id:
            transaction._post_process()
        received = transaction.payment_id
        others = self.search([("transaction_id", "=", transaction.id), ("is_taken", "=", True)])
        amount = min(self.amount, received.amount - sum(others.mapped("amount")))
        self.write({"is_taken": True, "amount": amount})
        if transaction.currency_id.is_zero(amount):
            return
        keepers, wallets = self._keepers(amount), self._wallets()
        with transaction._call_wallet_topups()._together():
            own = self._open_lines(received)
            # What was sent or taken back before stays so.
            gone = own.matched_debit_ids.debit_move_id.filtered(lambda line: line.move_id not in keepers)
            lines = own | gone | self._open_lines(self._pay("outbound", amount))
            lines.remove_move_reconcile()
            lines.reconcile()
            for invoice in keepers:
                rest = own | invoice.line_ids.filtered(lambda line: line.account_id in own.account_id)
                rest.filtered(lambda line: not line.reconciled).reconcile()
        self._tell(wallets, lambda _: _("Funds of %s were taken back", transaction.reference))

    def _give_back(self):
        self.is_taken = False
        with self.transaction_id._call_wallet_topups()._together():
            payment = self._pay("inbound", self.amount)
            lines = self._open_lines(payment) | self._invoice_lines()
            lines.filtered(lambda line: not line.reconciled).reconcile()
        wallets = self.transaction_id._call_wallet_topups().wallet_id
        self._tell(wallets, lambda _: _("Funds of %s came back", self.transaction_id.reference))

    def _keepers(self, amount):
        """Return the invoices of the payment, those first that keep all of their money when an amount is taken."""
        transaction = self.transaction_id
        paid = transaction._call_wallet_paid()
        parts, _is_certain = divide(parse_amount(amount), transaction._call_wallet_left())
        invoices = transaction.invoice_ids.filtered(lambda move: move.state == "posted").union(*paid)
        return invoices.sorted(lambda move: parts.get(move, ZERO) / (paid.get(move) or 1))

    def _pay(self, direction, amount):
        received = self.transaction_id.payment_id
        payment = self.env["account.payment"].create(
            {
                "payment_type": direction,
                "amount": amount,
                "currency_id": self.currency_id.id,
                "partner_id": received.partner_id.id,
                "partner_type": "customer",
                "journal_id": received.journal_id.id,
                "payment_method_line_id": received.payment_method_line_id.id,
                "destination_account_id": received.destination_account_id.id,
                # Of the same transaction, which says whether it is money at all.
                "payment_transaction_id": self.transaction_id.id if direction == "inbound" else False,
                "date": received.company_id._call_wallet_today(),
                "memo": f"{self.transaction_id.reference} - {self.reference}",
            }
        )
        payment.action_post()
        self.payment_ids |= payment
        return payment

    def _open_lines(self, payments):
        return payments.move_id.line_ids.filtered(lambda line: line.account_id in payments.destination_account_id)

    def _invoice_lines(self):
        invoices = self.transaction_id.invoice_ids.filtered(lambda move: move.state == "posted")
        accounts = self.transaction_id.payment_id.destination_account_id
        return invoices.line_ids.filtered(lambda line: line.account_id in accounts)

    def _tell(self, wallets, summarize):
        """Tell finance of it on each wallet; ``summarize`` is a function of the translation to its reader."""
        for wallet in wallets:
            told = wallet._for_finance()
            _ = telling(told.env)
            told._tell_finance(
                summarize(_),
                _(
                    "%(kind)s %(name)s over %(amount)s, reason: %(reason)s. See Stripe's dashboard; evidence has a "
                    "date.",
                    kind=dict(self._fields["kind"]._description_selection(told.env))[self.kind],
                    name=self.reference,
                    amount=self.currency_id.with_env(told.env).format(self.amount),
                    reason=self.reason or "-",
                ),
                about=self,
            )

    # === DISPUTED FUNDS === #
    # Funds of a payment that is disputed: held while the dispute is open and the money still here.
    #
    # Once the money is taken, the ``reversal`` takes their place; once the dispute is decided for us, they are
    # free. Like the rest of it a level, which ``_bring_to`` restores from whatever state.

    def _follow_dispute(self):
        is_open = self.kind == "dispute" and self.status in OPEN and not self.is_taken
        self._hold_disputed(self._disputed_funds() if is_open else {})

    def _disputed_funds(self):
        """Return which funds of each wallet the disputed part of the payment brought: {wallet: Decimal}, net of tax."""
        parts, _is_certain = divide(parse_amount(self.amount), self.transaction_id._call_wallet_left())
        funds = {}
        for topup in self.transaction_id._call_wallet_topups():
            part = min(topup._to_net(parts.get(topup.invoice_id, ZERO)), topup.credited_amount)
            funds[topup.wallet_id] = funds.get(topup.wallet_id, ZERO) + part
        return funds

    def _hold_disputed(self, amounts):
        """Hold that much of each wallet and of no other; wallets are locked in the order of their ids.

        :param amounts: {wallet: Decimal}
        """
        held = {part.wallet_id: part for part in self.held_ids}
        changed = False
        for wallet in self.env["call.wallet"].union(*held, *amounts).sorted("id"):
            amount, part = amounts.get(wallet, ZERO), held.get(wallet, self.held_ids.browse())
            change = amount - (part.amount if part else ZERO)
            if not change:
                continue
            changed = True
            if part:
                part.amount = amount
            else:
                part.create({"return_id": self.id, "wallet_id": wallet.id, "amount": amount})
            self.env.flush_all()
            self.env["call.wallet.hold"]._hold_otherwise(wallet.id, change)
        if changed:
            self.held_amount = sum(self.held_ids.mapped("amount"), ZERO)

    # === ASKED AGAIN === #

    def _is_to_be_asked(self, moment):
        """Tell whether Stripe is to be asked again how it stands: in the first days each time, then ever less often.

        However old it is: a bank may change its mind. Each time it has become older by an eighth, so that the
        requests do not grow with all that was ever taken back.
        """
        age = moment - self.create_date
        return age < YOUNG or not self.asked_at or moment - self.asked_at >= age / 8

    @worker
    def _ask_again(self, provider):
        """Bring what was taken back to how it stands at Stripe."""
        if self.kind == "dispute":
            self._bring_dispute(provider, self.reference)
        else:
            self._bring_charge(provider, self.reference)
        with door(self.env):
            self.asked_at = utcnow()
