from odoo import fields, models
from odoo.addons.payment import utils as payment_utils
from odoo.exceptions import UserError

from ...const import FINANCE_MANAGER
from ...tools.fields import ZERO, parse_amount
from ...tools.refund_parts import FUNDS, ORDINARY, UNUSED, Paid, divide, with_sum
from ...tools.sentence import joined, telling
from ...tools.task import give_task, in_language_of


class PaymentTransactionRefund(models.Model):
    """Refunds of payments that became balance: credit notes take the funds from the wallets.

    Odoo's own refunds know no credit note: the money would leave, and the funds stay. One payment may have paid
    several documents, top-ups and ordinary invoices; each of them gives back its part, and nothing else. Ordinary
    invoices are left to finance, as Odoo leaves them: that part of the refund waits for its credit note.
    """

    _inherit = "payment.transaction"

    call_wallet_credit_note_ids = fields.Many2many(
        "account.move",
        "call_wallet_refund_note_rel",
        "transaction_id",
        "note_id",
        "Credit Notes",
        readonly=True,
        copy=False,
        help="What this refund pays back.",
    )
    call_wallet_is_divided = fields.Boolean(
        "Documents Found", readonly=True, copy=False, help="It was found which documents this refund pays back."
    )

    # === WHAT A PAYMENT HAS PAID === #
    # The books say it: an invoice may be paid by several payments, and by what one of another invoice had too much.

    def _call_wallet_receivable(self):
        """Return the receivable items of these transactions' payments."""
        return self.payment_id.move_id.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )

    def _call_wallet_paid(self):
        """Return what this payment has paid of each invoice: {invoice: Decimal}, oldest first, tax included."""
        if not self.payment_id.move_id:  # its journal makes no entry before the bank's
            return self._call_wallet_paid_without_entry()
        partials = self._call_wallet_receivable().matched_debit_ids
        paid = {}
        for partial in partials.sorted(lambda partial: partial.debit_move_id.move_id.id):
            invoice = partial.debit_move_id.move_id
            if invoice.move_type == "out_invoice":
                paid[invoice] = paid.get(invoice, ZERO) + parse_amount(partial.credit_amount_currency)
        return paid

    def _call_wallet_paid_without_entry(self):
        paid, left = {}, parse_amount(self.amount)
        for invoice in self.invoice_ids.filtered(lambda invoice: invoice.state == "posted").sorted("id"):
            paid[invoice] = min(parse_amount(invoice.amount_total), left)
            left -= paid[invoice]
        return paid

    def _call_wallet_unused(self):
        """Return what is left of this payment's money that no invoice took (Decimal)."""
        open_items = self._call_wallet_receivable().filtered(lambda line: not line.reconciled)
        return parse_amount(self.currency_id.round(-sum(open_items.mapped("amount_residual_currency"))))

    def _call_wallet_left(self, before=None):
        """Return what of each document of this payment has not been refunded yet: a list of ``Paid``.

        What is left of ordinary invoices is counted again from the first refund on: no credit note tells which one it
        was for until finance makes it.

        :param before: a refund; those after it are left out
        """
        none = self.env["account.move"]
        left = {none: self._call_wallet_unused(), **self._call_wallet_paid()}
        refunds = self.child_transaction_ids.filtered(
            lambda child: (
                child.operation == "refund"
                and child.state in ("draft", "pending", "done")
                and (not before or child.id < before.id)
            )
        )
        for refund in refunds.sorted("id"):
            for document, part in refund._call_wallet_parts(left).items():
                left[document] = left.get(document, ZERO) - part
        return self._call_wallet_as_paid(left)

    def _call_wallet_as_paid(self, left):
        kinds = {
            document: FUNDS if document.call_wallet_topup_ids else ORDINARY if document else UNUSED for document in left
        }
        return [Paid(document, kinds[document], amount) for document, amount in left.items()]

    def _call_wallet_parts(self, left):
        """Return what an earlier refund paid back of each document: {invoice: Decimal}.

        :param dict left: what was left before it; money that was used for nothing is not in it any more
        """
        own = self._call_wallet_receivable()
        unused = own.matched_credit_ids.filtered(
            lambda partial: partial.credit_move_id in self.source_transaction_id._call_wallet_receivable()
        )
        amount = parse_amount(-self.amount) - sum(
            (parse_amount(partial.debit_amount_currency) for partial in unused), ZERO
        )
        parts = {}
        for note in self.call_wallet_credit_note_ids:
            part, document = min(parse_amount(note.amount_total), amount), note.reversed_entry_id
            parts[document] = parts.get(document, ZERO) + part
            amount -= part
        paid = self._call_wallet_as_paid(left)
        if parts or self.call_wallet_is_divided:
            paid = [item for item in paid if item.kind == ORDINARY]
        if parts and amount < sum(item.left for item in paid):
            # They come first: it was theirs only if it took all of them. Else it is what rounding or a fee left over.
            return parts
        rest = divide(amount, paid)[0]
        return {document: parts.get(document, ZERO) + rest.get(document, ZERO) for document in {**parts, **rest}}

    # === WHICH DOCUMENTS A REFUND IS FOR === #

    def _call_wallet_tie_to_note(self):
        """Tie a refund to the credit note that it is made for."""
        note = self.env["account.move"].browse(self.env.context.get("call_wallet_credit_note_id") or ())
        for refund in self.filtered(lambda transaction: transaction.operation == "refund" and note):
            # A caller chooses its context: money for a note that was paid would leave without funds.
            if note in refund.source_transaction_id.sudo()._call_wallet_waiting_notes():
                refund.call_wallet_credit_note_ids = note

    def _call_wallet_waiting_notes(self):
        """Return the posted credit notes of this payment's documents that wait for their money."""
        documents = self.invoice_ids.union(*self._call_wallet_paid())
        return documents.reversal_move_ids.filtered(
            lambda note: (
                note.state == "posted"
                and note.amount_residual
                and not note.call_wallet_refund_ids.filtered(
                    lambda refund: (
                        refund.state in ("draft", "pending")
                        or (refund.state == "done" and not refund.payment_id.move_id)
                    )
                )
            )
        ).sorted("id")

    def _call_wallet_fitting_notes(self, amount):
        """Return credit notes that wait for exactly this amount together; then it is they that are paid."""
        notes = self._call_wallet_waiting_notes()
        found = with_sum(amount, {note: parse_amount(note.amount_residual) for note in notes})
        return notes.browse(note.id for note in found)

    # === WHO MAY SEND BACK WHAT === #

    def action_refund(self, amount_to_refund=None):
        """Odoo's own refund button, with the limit of Pay Back: only a manager sends back funds that were used.

        :raise UserError: more than a wallet's available balance, and not a finance manager
        """
        payment_utils.check_rights_on_recordset(self)
        if not (self.env.su or self.env.user.has_group(FINANCE_MANAGER)):
            self.sudo()._call_wallet_refuse_used(amount_to_refund)
        return super().action_refund(amount_to_refund=amount_to_refund)

    def _call_wallet_refuse_used(self, amount):
        _ = self.env._
        asked = {}
        for payment in self.filtered(lambda payment: payment._call_wallet_topups()):
            funds = payment._call_wallet_funds(parse_amount(amount or payment.amount, _("Amount"), self.env))
            for wallet, taken in funds.items():
                asked[wallet] = asked.get(wallet, ZERO) + taken
        for wallet, funds in asked.items():
            # What other refunds take is in the wallet until their credit notes are posted.
            left = wallet.available_balance
            for refund in self._call_wallet_refunds_under_way(wallet):
                taken = refund.source_transaction_id._call_wallet_funds(parse_amount(-refund.amount), refund)
                left -= taken.get(wallet, ZERO)
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
                ("call_wallet_credit_note_ids", "=", False),
                ("call_wallet_is_divided", "=", False),
                ("source_transaction_id.invoice_ids.call_wallet_topup_ids.wallet_id", "=", wallet.id),
            ]
        )

    def _call_wallet_funds(self, amount, refund=None):
        """Return the funds that a refund of this payment takes from each wallet, net of tax: {wallet: Decimal}.

        :param Decimal amount: of the refund, tax included
        :param refund: where it has been asked for already; else it comes after all others
        """
        waiting = self._call_wallet_waiting_notes()
        if self._call_wallet_refunds_before(refund):  # what waits is theirs
            waiting = waiting.browse()
        elif self._call_wallet_fitting_notes(amount):
            return {}
        funds = {}
        for document, part in divide(amount, self._call_wallet_left(refund))[0].items():
            notes = waiting.filtered(lambda note, document=document: note.reversed_entry_id == document)
            part -= min(part, parse_amount(sum(notes.mapped("amount_residual"))))
            for topup in document.call_wallet_topup_ids:
                taken = min(topup._to_net(part), topup.credited_amount)
                funds[topup.wallet_id] = funds.get(topup.wallet_id, ZERO) + taken
        return funds

    def _call_wallet_refunds_before(self, refund):
        """Return the refunds of this payment whose documents have not been found yet, before another one."""
        return self.child_transaction_ids.filtered(
            lambda child: (
                child.operation == "refund"
                and child.state in ("draft", "pending", "done")
                and not child.call_wallet_is_divided
                and not child.call_wallet_credit_note_ids
                and (not refund or child.id < refund.id)
            )
        )

    # === WHAT FOLLOWS === #

    def _call_wallet_follow_refunds(self):
        for refund in self.filtered(lambda transaction: transaction.operation == "refund"):
            if refund._call_wallet_topups():
                refund._call_wallet_follow_refund()

    def _call_wallet_follow_refund(self):
        """Make the refund's credit notes if there are none, and reconcile them with the money sent back."""
        if self.state == "done":
            if not (self.call_wallet_is_divided or self.call_wallet_credit_note_ids):
                self._call_wallet_divide()
            self._call_wallet_reconcile(self.call_wallet_credit_note_ids.line_ids)
        elif self.state in ("error", "cancel"):
            is_paid = self.payment_id.state in ("in_process", "paid")
            if is_paid or "posted" in self._call_wallet_topup_credit_notes().mapped("state"):
                self._call_wallet_undo_refund(is_paid)

    def _call_wallet_divide(self):
        """Find which documents this refund pays back, once, and post the credit notes that there are not yet.

        Credit notes that wait for exactly this amount are what is paid; else see ``divide``. What waits on a top-up
        is paid before more of it is credited. Finance is told where there was a choice.
        """
        self.call_wallet_is_divided = True
        source, amount = self.source_transaction_id, parse_amount(-self.amount)
        notes = source._call_wallet_fitting_notes(amount)
        if not notes:
            parts, is_certain = divide(amount, source._call_wallet_left(self))
            for document, part in parts.items():
                if not document:
                    self._call_wallet_reconcile(source._call_wallet_receivable())
                elif document.call_wallet_topup_ids:
                    notes |= self._call_wallet_note_part(document, part)
            if not is_certain:
                self._call_wallet_tell_parts(parts, notes)
        self.call_wallet_credit_note_ids = notes

    def _call_wallet_note_part(self, invoice, part):
        """Return the credit notes of a top-up's part: those that wait for money, and one over the rest, posted now.

        :param Decimal part: tax included
        :return: the credit notes; none where nothing of the invoice is left to credit
        """
        waiting = self.source_transaction_id._call_wallet_waiting_notes()
        notes = invoice.browse()
        for note in waiting.filtered(lambda note: note.reversed_entry_id == invoice):
            if part > 0:
                notes |= note
                part -= parse_amount(note.amount_residual)
        topup = invoice.call_wallet_topup_ids[:1]
        # Of several parts, each rounded, the last is what is left.
        left = invoice._call_wallet_net() - topup._credit_notes() - topup._released()
        net = min(topup._to_net(max(part, ZERO)), left)
        return notes | self._call_wallet_post_note(topup, net) if net > 0 else notes

    def _call_wallet_post_note(self, topup, net):
        """Post the credit note of a refund that was asked for elsewhere: on the payment, or at the provider."""
        invoice = topup.invoice_id
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
        return note

    def _call_wallet_reconcile(self, lines):
        """Reconcile what is open of this refund with what is open of these items."""
        own = self._call_wallet_receivable().filtered(lambda line: not line.reconciled)
        others = lines.filtered(
            lambda line: line.account_id in own.account_id and line.parent_state == "posted" and not line.reconciled
        )
        if own and others:
            (own + others).reconcile()

    def _call_wallet_tell_parts(self, parts, notes):
        """Tell finance, on each wallet concerned, how a refund was shared out."""
        wallets = (notes.reversed_entry_id.call_wallet_topup_ids or self._call_wallet_topups()[:1]).wallet_id
        for wallet in wallets:
            told = wallet._for_finance()
            _, currency = telling(told.env), self.currency_id.with_env(told.env)
            named = [
                f"{document.name or _('not used for any invoice')}: {currency.format(float(part))}"
                for document, part in parts.items()
            ]
            told._tell_finance(
                _("Refund %s may be for other documents", self.reference),
                _(
                    "Payment %(payment)s had paid several documents, and nothing says for which %(amount)s was sent "
                    "back. It was entered so: %(parts)s. Ask the customer. If it is otherwise, reset the credit note "
                    "to draft and cancel it, credit the right document, and reconcile that with the refund's payment.",
                    payment=self.source_transaction_id.reference,
                    amount=currency.format(-self.amount),
                    parts="; ".join(named),
                ),
                about=self,
            )

    # === A REFUND THAT FAILED === #

    def _call_wallet_topup_credit_notes(self):
        """Return the refund's credit notes of top-ups; those of ordinary invoices are none of ours."""
        return self.call_wallet_credit_note_ids.filtered("reversed_entry_id.call_wallet_topup_ids")

    def _call_wallet_undo_refund(self, is_paid):
        """Undo a refund whose money has not left, or has come back. Finance looks after it.

        The funds go back to the wallets. Where the documents stand, because their period is locked or their journal
        secured, the payment is reversed on the first open day, and the credit notes wait to be paid; so does one
        that another refund has paid in part.
        """
        notes = self._call_wallet_topup_credit_notes().filtered(lambda note: note.state == "posted")
        payment = self.payment_id
        stand = (notes | payment.move_id)._call_wallet_stands()
        if is_paid and stand:
            payment.move_id._call_wallet_reverse_on_open_day()
            payment.action_reject()
        elif is_paid:
            payment.action_draft()
            payment.action_cancel()
        waiting = notes.filtered(
            lambda note: stand or note.currency_id.compare_amounts(note.amount_residual, note.amount_total)
        )
        for note in notes - waiting:
            note.with_context(call_wallet_pay_back=True).button_draft()
            note.button_cancel()
        self._call_wallet_tell_failed_refund(notes, waiting)

    def _call_wallet_tell_failed_refund(self, notes, waiting):
        """Give whoever looks after each wallet a task.

        :param waiting: those of the credit notes that could not be undone
        """
        for wallet in (notes.reversed_entry_id.call_wallet_topup_ids or self._call_wallet_topups()[:1]).wallet_id:
            own = notes.filtered(
                lambda note, wallet=wallet: note.reversed_entry_id.call_wallet_topup_ids.wallet_id == wallet
            )
            people = wallet.account_manager_id, own[:1].create_uid, self.create_uid
            manager = wallet.company_id._call_wallet_responsible(*people)
            _ = telling(in_language_of(wallet, manager, wallet.company_id).env)
            summary = _("Refund %s failed", self.reference)
            if summary in wallet.activity_ids.mapped("summary"):
                continue
            what = [_("Credit note %s stands and waits to be paid; pay it by bank.", n.name) for n in own & waiting]
            if own - waiting:
                what.append(_("The funds are in the wallet again; pay them back by bank."))
            why = _(
                "The provider did not send the money back (%(why)s). %(what)s",
                why=self.state_message or "-",
                what=joined(what),
            )
            give_task(wallet, manager, summary, why, wallet.company_id, is_mailed=True, about=self)
