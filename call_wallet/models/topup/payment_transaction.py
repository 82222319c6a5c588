from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.payment import utils as payment_utils
from odoo.exceptions import UserError, ValidationError

from ...const import FINANCE_MANAGER
from ...tools.fields import ZERO, parse_amount
from ...tools.task import give_task, in_language_of


class PaymentTransaction(models.Model):
    """Payments of top-ups, and what follows from their results."""

    _inherit = "payment.transaction"

    call_wallet_is_under_way = fields.Boolean(compute="_compute_call_wallet_is_under_way")
    call_wallet_credit_note_id = fields.Many2one(
        "account.move", "Credit Note", readonly=True, index="btree_not_null", ondelete="restrict"
    )

    call_wallet_is_unsigned = fields.Boolean(
        "Reported Without a Signature",
        readonly=True,
        copy=False,
        help="Anybody may have said that it succeeded; it settles no top-up.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        transactions = super().create(vals_list)
        transactions._call_wallet_tie_to_note()
        transactions._call_wallet_refuse_provider()
        return transactions

    def _call_wallet_refuse_provider(self):
        for transaction in self:
            if transaction.operation != "refund" and transaction._call_wallet_topups():
                refusal = transaction.provider_id._call_wallet_refusal()
                if refusal:
                    raise ValidationError(refusal)

    def _call_wallet_topups(self):
        """Return the top-ups (as superuser) that these transactions pay, or pay back."""
        transactions = self.sudo()
        invoices = transactions.invoice_ids | transactions.source_transaction_id.invoice_ids
        return (invoices | invoices.reversed_entry_id).call_wallet_topup_ids

    # === UNDER WAY === #
    # How far the payment of a top-up has come.

    @api.depends("state", "is_post_processed", "operation", "provider_code")
    def _compute_call_wallet_is_under_way(self):
        """Money may be on its way: a second payment has to wait. A bank transfer is nobody's debit yet."""
        for transaction in self:
            is_open = transaction.state in ("pending", "authorized") and transaction.provider_code not in (
                "none",
                "custom",
            )
            is_unprocessed = transaction.state == "done" and not transaction.is_post_processed
            transaction.call_wallet_is_under_way = transaction.operation != "refund" and (is_open or is_unprocessed)

    def _call_wallet_is_recent(self, minutes):
        return self.create_date > fields.Datetime.now() - timedelta(minutes=minutes)

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
        lines = self.payment_id.move_id.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )
        left = -sum(lines.mapped("amount_residual_currency"))
        if self.currency_id.compare_amounts(left, 0) <= 0:
            return
        invoices = self.invoice_ids
        told = self._call_wallet_topups().wallet_id[:1]._for_finance()
        told._tell_finance(
            told.env._("Payment %s is left over", self.reference),
            told.env._(
                "%(amount)s was received for %(invoices)s, which was cancelled or paid before. It is the customer's "
                "outstanding credit: use it for the next top-up, or refund the payment.",
                amount=self.currency_id.with_env(told.env).format(left),
                invoices=", ".join(invoices.mapped("name")),
            ),
        )

    # === REFUNDS === #
    # Refunds of payments that became balance: each has a credit note, which takes the funds from the wallet.
    #
    # Odoo's own refunds know no credit note: the money would leave, and the funds stay.

    def _call_wallet_tie_to_note(self):
        """Tie a refund to the credit note that it is made for."""
        note_id = self.env.context.get("call_wallet_credit_note_id")
        if note_id:
            refunds = self.filtered(lambda transaction: transaction.operation == "refund")
            refunds.call_wallet_credit_note_id = note_id

    # === WHO MAY SEND BACK WHAT === #

    def action_refund(self, amount_to_refund=None):
        """Odoo's own refund button, with the limit of Pay Back: only a manager sends back funds that were used.

        :raise UserError: more than the wallet's available balance, and not a finance manager
        """
        payment_utils.check_rights_on_recordset(self)
        if not (self.env.su or self.env.user.has_group(FINANCE_MANAGER)):
            self.sudo()._call_wallet_refuse_used(amount_to_refund)
        return super().action_refund(amount_to_refund=amount_to_refund)

    def _call_wallet_refuse_used(self, amount):
        _ = self.env._
        for wallet, payments in self.grouped(lambda payment: payment._call_wallet_topups().wallet_id[:1]).items():
            if not wallet:
                continue
            # Their funds are in the wallet until their credit notes are posted.
            under_way = self._call_wallet_refunds_under_way(wallet)
            left = wallet.available_balance
            for refund in under_way:
                left -= refund.source_transaction_id._call_wallet_funds(-refund.amount)
            funds = ZERO
            for payment in payments:
                asked = parse_amount(amount or payment.amount, _("Amount"), self.env)
                is_noted = payment not in under_way.source_transaction_id and payment._call_wallet_open_notes(asked)
                funds += ZERO if is_noted else payment._call_wallet_funds(asked)
            if funds > max(left, ZERO):
                raise UserError(
                    _(
                        "This takes %(funds)s, net of tax, from a wallet of whose balance %(left)s is available; the "
                        "rest is used or held. Refund less, or ask a finance manager to do it.",
                        funds=wallet._format_exactly(funds),
                        left=wallet._format_exactly(max(left, ZERO)),
                    )
                )

    def _call_wallet_refunds_under_way(self, wallet):
        return self.search(
            [
                ("operation", "=", "refund"),
                ("state", "in", ("draft", "pending", "done")),
                ("call_wallet_credit_note_id", "=", False),
                ("source_transaction_id.invoice_ids.call_wallet_topup_ids.wallet_id", "=", wallet.id),
            ]
        )

    def _call_wallet_funds(self, amount):
        """Return the funds that a refund of this payment takes: its amount's share net of tax, still credited."""
        credited = sum(self._call_wallet_topups().mapped("credited_amount"), ZERO)
        return min(self._call_wallet_share(float(amount)), credited)

    def _call_wallet_share(self, amount):
        """Return what of an amount of this payment (a float) is net of tax."""
        invoice = self.invoice_ids.filtered("call_wallet_topup_ids")[:1]
        if not invoice.amount_total:
            return ZERO
        return parse_amount(invoice.currency_id.round(amount * invoice.amount_untaxed / invoice.amount_total))

    # === WHAT FOLLOWS === #

    def _call_wallet_follow_refunds(self):
        for refund in self.filtered(lambda transaction: transaction.operation == "refund"):
            if refund._call_wallet_topups():
                refund._call_wallet_follow_refund()

    def _call_wallet_follow_refund(self):
        """Make the refund's credit note if there is none, and reconcile it with the money sent back."""
        if self.state == "done":
            note = self.call_wallet_credit_note_id or self._call_wallet_open_note() or self._call_wallet_note_refund()
            if note:
                self._call_wallet_reconcile_refund(note)
        elif self.state in ("error", "cancel") and self.call_wallet_credit_note_id.state == "posted":
            self._call_wallet_undo_refund()

    def _call_wallet_open_note(self):
        """Return the credit note over this amount that finance has posted and that waits for its money."""
        note = self._call_wallet_open_notes(-self.amount)[:1]
        self.call_wallet_credit_note_id = note
        return note

    def _call_wallet_open_notes(self, amount):
        return self._call_wallet_topups().invoice_id.reversal_move_ids.filtered(
            lambda note: (
                note.state == "posted"
                and not note.call_wallet_refund_ids
                and not note.currency_id.compare_amounts(note.amount_residual, float(amount))
            )
        )

    def _call_wallet_note_refund(self):
        """Post the credit note of a refund that was asked for elsewhere: on the payment, or at the provider.

        :return: the credit note; empty where nothing of the invoice is left to credit
        """
        invoice = self.source_transaction_id.invoice_ids.filtered("call_wallet_topup_ids")[:1]
        topup = invoice.call_wallet_topup_ids[:1]
        # Of several parts, each rounded, the last is what is left.
        left = invoice._call_wallet_net() - topup._credit_notes()
        net = min(self.source_transaction_id._call_wallet_share(-self.amount), left)
        if net <= 0:
            return invoice.browse()
        today = invoice.company_id._call_wallet_today()
        _ = self.with_context(lang=invoice.partner_id._call_wallet_lang(invoice.company_id)).env._
        note = invoice._reverse_moves(
            [
                {
                    "invoice_date": today,
                    "date": today,
                    "ref": _("%(invoice)s, refunded: %(refund)s", invoice=invoice.name, refund=self.reference),
                    "invoice_payment_term_id": False,
                }
            ]
        )
        topup._scale_credit_note(note, net)
        # The money has left already: that it was used meanwhile does not bring it back.
        note.with_context(call_wallet_pay_back=True).action_post()
        self.call_wallet_credit_note_id = note
        return note

    def _call_wallet_reconcile_refund(self, note):
        lines = (self.payment_id.move_id.line_ids + note.line_ids).filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )
        if note.state == "posted" and len(lines.move_id) == 2:
            lines.reconcile()

    def _call_wallet_undo_refund(self):
        """Undo a refund whose money has not left, or has come back. Finance looks after it.

        The funds go back to the wallet. Where the documents stand, because their period is locked or their journal
        secured, the payment is reversed on the first open day, and the credit note waits to be paid.
        """
        note, payment = self.call_wallet_credit_note_id, self.payment_id
        is_paid = payment.state in ("in_process", "paid")
        if (note | payment.move_id)._call_wallet_stands():
            if is_paid:
                payment.move_id._call_wallet_reverse_on_open_day()
                payment.action_reject()
            stands = True
        else:
            if is_paid:
                payment.action_draft()
                payment.action_cancel()
            note.with_context(call_wallet_pay_back=True).button_draft()
            note.button_cancel()
            stands = False
        self._call_wallet_tell_failed_refund(note, stands)

    def _call_wallet_tell_failed_refund(self, note, stands):
        """Give whoever looks after the wallet a task.

        :param bool stands: whether the credit note could not be undone
        """
        wallet = note.reversed_entry_id.call_wallet_topup_ids.wallet_id[:1]
        manager = wallet.account_manager_id or note.create_uid
        _ = in_language_of(wallet, manager, wallet.company_id).env._
        summary = _("Refund %s failed", self.reference)
        if summary in wallet.activity_ids.mapped("summary"):
            return
        if stands:
            what = _("Credit note %s stands and waits to be paid; pay it by bank.", note.name)
        else:
            what = _("The funds are in the wallet again; pay them back by bank.")
        why = _(
            "The provider did not send the money back (%(why)s). %(what)s", why=self.state_message or "-", what=what
        )
        give_task(wallet, manager, summary, why, wallet.company_id, is_mailed=True)

    # === LEFT LYING === #

    def _call_wallet_process_left(self):
        if not self.try_lock_for_update():
            return False
        self.env.invalidate_all()
        if not self.is_post_processed:
            self._post_process()
            return True
        return False
