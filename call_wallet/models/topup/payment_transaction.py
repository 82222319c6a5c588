from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ValidationError

from ...const import FINANCE
from ...tools.rights import made_by_hand, refuse_typed
from ...tools.sentence import telling


class PaymentTransaction(models.Model):
    """Payments of top-ups, and what follows from their results."""

    _inherit = "payment.transaction"

    call_wallet_is_under_way = fields.Boolean(compute="_compute_call_wallet_is_under_way")
    call_wallet_is_unsigned = fields.Boolean(
        "Reported Without a Signature",
        readonly=True,
        copy=False,
        help="Anybody may have said that it succeeded; it settles no top-up.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        transactions = super().create(made_by_hand(self, vals_list))
        transactions._call_wallet_tie_to_note()
        transactions._call_wallet_refuse_provider()
        transactions._call_wallet_refuse_attempts()
        return transactions

    def write(self, vals):
        """Change payments, but for what the addon keeps of them by itself, such as whether anybody signed them.

        :raise AccessError: it was typed in
        """
        refuse_typed(self, vals)
        return super().write(vals)

    def _call_wallet_refuse_provider(self):
        for transaction in self:
            if transaction.operation != "refund" and transaction._call_wallet_topups():
                refusal = transaction.provider_id._call_wallet_refusal()
                if refusal:
                    raise ValidationError(refusal)

    def _call_wallet_refuse_attempts(self):
        """Refuse one more payment of a customer's after too many that failed: whoever tries stolen cards stops here.

        :raise ValidationError: says how many, and what else to do
        """
        user = self.env.user
        if user.id == SUPERUSER_ID or user.has_group(FINANCE):
            return
        for transaction in self.filtered(lambda one: one._call_wallet_is_attempt()):
            for wallet in transaction._call_wallet_topups().wallet_id:
                most = wallet.company_id.call_wallet_attempts_max
                if most and self._call_wallet_failed_attempts(wallet, transaction) >= most:
                    raise ValidationError(
                        self.env._(
                            "Payments: %s failed in 24 hours, the most there may be. Pay by bank transfer, or try "
                            "again tomorrow.",
                            most,
                        )
                    )

    def _call_wallet_is_attempt(self):
        return (self.operation or "").startswith("online") and self.provider_code not in ("none", "custom")

    def _call_wallet_failed_attempts(self, wallet, transaction):
        """Return how many payments of the wallet's top-ups were begun in 24 hours and brought nothing."""
        begun = self.sudo().search(
            [
                ("invoice_ids.call_wallet_topup_ids.wallet_id", "=", wallet.id),
                ("state", "in", ["draft", "error", "cancel"]),
                ("create_date", ">", fields.Datetime.now() - timedelta(days=1)),
                ("id", "!=", transaction.id),
            ]
        )
        return len(begun.filtered(lambda one: one._call_wallet_is_attempt()))

    def _call_wallet_topups(self):
        """Return the top-ups (as superuser) that these transactions pay, or pay back."""
        transactions = self.sudo()
        transactions |= transactions.source_transaction_id
        # What one payment had too much may have paid another invoice.
        invoices = (
            transactions.invoice_ids | transactions._call_wallet_receivable().matched_debit_ids.debit_move_id.move_id
        )
        return (invoices | invoices.reversed_entry_id).call_wallet_topup_ids

    # === UNDER WAY === #
    # How far the payment of a top-up has come.

    @api.depends("state", "is_post_processed", "operation", "provider_code")
    def _compute_call_wallet_is_under_way(self):
        """Tell whether money may be on its way, so that a second payment has to wait; an announced transfer is not."""
        for transaction in self:
            is_open = transaction.state in ("pending", "authorized") and transaction.provider_code not in (
                "none",
                "custom",
            )
            is_unprocessed = transaction.state == "done" and not transaction.is_post_processed
            transaction.call_wallet_is_under_way = transaction.operation != "refund" and (is_open or is_unprocessed)

    def _call_wallet_is_recent(self, minutes):
        return self.create_date > fields.Datetime.now() - timedelta(minutes=minutes)

    # === THE DEMO PROVIDER'S WORDS === #

    def _process(self, provider_code, payment_data):
        """Odoo's hook for a provider's message; what Odoo's demo provider says about itself is told apart."""
        if provider_code == "demo":
            return super(PaymentTransaction, self.with_context(call_wallet_simulated=True))._process(
                provider_code, payment_data
            )
        return super()._process(provider_code, payment_data)

    def _set_error(self, state_message, extra_allowed_states=()):
        """Odoo's hook for a payment that failed; of a top-up, owners read what they would of a real card.

        Odoo's demo provider says which of its answers was chosen. That would stand on the owner's page, in mails about
        automatic top-ups, and in the invoice's history.
        """
        if self.env.context.get("call_wallet_simulated") and self._call_wallet_topups():
            payer = self.partner_id[:1]
            lang = payer._call_wallet_lang(self.company_id[:1])
            state_message = self.with_context(lang=lang).env._("The card was declined.")
        return super()._set_error(state_message, extra_allowed_states=extra_allowed_states)

    # === AFTER A RESULT === #
    # Money that came for a top-up whose invoice does not want it any more: cancelled, or paid meanwhile.

    def _post_process(self):
        """Odoo's hook for what follows a payment's result; it may come more than once."""
        without_payment = self.filtered(lambda one: one.operation != "refund" and not one.payment_id)
        result = super()._post_process()
        self.sudo()._call_wallet_follow_refunds()
        without_payment.sudo()._call_wallet_report_unused()
        self._call_wallet_follow_auto_topups()
        self._call_wallet_close_pages_of_paid()
        self.sudo()._call_wallet_book_fees()
        return result

    def _call_wallet_report_unused(self):
        """Tell finance of payments that nothing was left to be paid with."""
        for transaction in self.filtered(lambda one: one.state == "done" and one._call_wallet_topups()):
            transaction._call_wallet_report_rest()

    def _call_wallet_report_rest(self):
        left = self._call_wallet_unused()
        if left <= 0:
            return
        # Of several, those that did not take their part.
        invoices = (
            self.invoice_ids.filtered(lambda invoice: invoice not in self._call_wallet_paid()) or self.invoice_ids
        )
        wallets = invoices.call_wallet_topup_ids.wallet_id or self._call_wallet_topups().wallet_id
        told = wallets[:1]._for_finance()
        _ = telling(told.env)
        told._tell_finance(
            _("Payment %s is left over", self.reference),
            _(
                "%(amount)s was received for %(invoices)s, which was cancelled or paid before. It is the customer's "
                "outstanding credit: use it for the next top-up, or refund the payment.",
                amount=self.currency_id.with_env(told.env).format(float(left)),
                invoices=", ".join(invoices.mapped("name")),
            ),
            about=self,
        )

    # === LEFT LYING === #

    def _call_wallet_process_left(self):
        if not self.try_lock_for_update():
            return False
        self.env.invalidate_all()
        if not self.is_post_processed:
            self._post_process()
            return True
        return False
