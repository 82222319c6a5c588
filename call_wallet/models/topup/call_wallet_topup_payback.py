import logging

import psycopg2
from odoo import Command, models
from odoo.exceptions import UserError

from ...const import FINANCE_MANAGER
from ...tools.door import door, end_if_clean, in_books, worker
from ...tools.fields import ZERO, Amount, check_request_key, parse_amount, parse_reason
from ...tools.money import to_coins, unit_of
from ...tools.rights import as_superuser
from ...tools.sentence import telling

_logger = logging.getLogger(__name__)

# How many of the currency's smallest units the price is tried up and down for the net amount that is wanted.
STEPS = 3


class CallWalletTopupPayback(models.Model):
    """Paying a balance back: a credit note on the top-up, and the money the way it came.

    The ledger follows the credit note like any other (see ``_sync``): the funds leave the wallet
    before money leaves the company.
    """

    _inherit = "call.wallet.topup"

    missing_amount = Amount(
        "Still to Be Paid", compute="_compute_missing_amount", help="Tax included; what the invoice still asks for."
    )

    def _compute_missing_amount(self):
        for topup in self:
            invoice = topup.sudo().invoice_id
            topup.missing_amount = invoice.amount_residual if invoice.state == "posted" else ZERO

    def pay_back(self, amount, reason, request_key=None, allow_negative=False):
        """Pay back part of a top-up, or all of it.

        A posted credit note takes the funds from the wallet. If a payment provider that supports
        refunds brought them, it is asked to send them back; otherwise the credit note waits for
        finance to pay it by bank.

        :param amount: net of tax, in the wallet's currency: str, int or Decimal, not more decimals
            than the currency has; at most what is left of the top-up's credit and of the balance
        :param str reason: on the credit note
        :param str request_key: the same key pays back once and returns the first credit note
        :param bool allow_negative: pay back funds that were used already; the balance goes below zero
        :return: the credit note, an ``account.move``
        :raise UserError: amount or reason missing, more than is left, part was written off, no price with these taxes
            comes to the amount, the wallet is being worked on, or the key was used for another amount
        :raise AccessError: not a finance manager
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE_MANAGER)
        topup = as_superuser(self)
        amount, reason = topup._check_payback_input(amount, reason)
        check_request_key(request_key, self.env)
        with door(self.env):
            topup._lock_for_payback()
            # The same request before, or at the same time: whoever came first had the lock.
            note = topup._noted_before(amount, request_key)
            if not note:
                topup._check_payback(amount, allow_negative)
                note = topup._create_credit_note(amount, reason, request_key)
        # Of a request that was broken off in between, the money is sent now.
        topup._send_back(note)
        return note.with_env(self.env)

    # === CHECKS === #

    def _check_payback_input(self, amount, reason):
        _ = self.env._
        reason = parse_reason(reason)
        if not reason:
            raise UserError(_("Reason: say why the funds are paid back; it is on the credit note."))
        if isinstance(amount, bool):
            raise UserError(_("Amount: enter a number."))
        amount = parse_amount(amount, _("Amount"), self.env)
        if amount <= 0:
            raise UserError(_("Amount: enter more than zero."))
        self.wallet_id._refuse_unpayable(amount, _("Amount"))
        return amount, reason

    def _noted_before(self, amount, request_key):
        """Return the credit note that this request made when it came before."""
        notes = self.env["account.move"]
        if not request_key:
            return notes
        note = self.invoice_id.reversal_move_ids.filtered(
            lambda note: note.call_wallet_request_key == self._payback_key(request_key)
        )
        if note and note.call_wallet_paid_back != amount:
            raise UserError(
                self.env._(
                    "request_key: it paid back %s before. Open Pay Back again to pay back more.",
                    self.wallet_id._format_amount(note.call_wallet_paid_back),
                )
            )
        return note

    def _payback_key(self, request_key):
        return f"{self.id}/{request_key}"

    def _lock_for_payback(self):
        """Keep calls and other people off the funds until the transaction ends."""
        self.env["call.wallet.ledger"]._lock(self.wallet_id.ids)
        self._lock_documents()

    def _lock_documents(self):
        """Hold the top-ups, their invoices and what is reconciled with those until the transaction ends.

        A door's transaction is READ COMMITTED. Odoo expects that the second of two who reconcile the same
        items is refused; here it waits, and reads what the first has left.
        """
        self.env.flush_all()
        self.env.cr.execute("SELECT FROM call_wallet_topup WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [self.ids])
        invoices = self.invoice_id
        self.env.cr.execute("SELECT FROM account_move WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [invoices.ids])
        self.env.cr.execute(
            "SELECT FROM account_move_line WHERE move_id = ANY(%s) ORDER BY id FOR UPDATE", [invoices.ids]
        )
        self.env.invalidate_all()

    def _check_payback(self, amount, allow_negative):
        _ = self.env._
        wallet = self.wallet_id
        if amount > self.credited_amount:
            raise UserError(
                _(
                    "Amount: at most %s of this top-up is left to pay back.",
                    wallet._format_exactly(self.credited_amount),
                )
            )
        if amount > wallet.available_balance and not allow_negative:
            raise UserError(
                _(
                    "Amount: at most %s of the balance is available; the rest is used or held.",
                    wallet._format_exactly(max(wallet.available_balance, ZERO)),
                )
            )

    # === MONEY === #

    @worker
    def _send_back(self, note):
        """Send a credit note's money back; where that fails, finance is told and the credit note stays open.

        An error would say that nothing has happened, and keep other credit notes from being sent.
        """
        is_kept = end_if_clean(self.env)
        try:
            refund = in_books(self.env, lambda: self._refund_in_savepoint(note))
            if refund and refund._call_wallet_by_library():
                refund._call_wallet_ask_refund()
        except Exception as error:  # whatever a provider or a document may raise
            if isinstance(error, psycopg2.OperationalError) and not is_kept:
                raise  # the whole request is repeated, the credit note included
            _logger.warning("%s was not sent back.", note.name, exc_info=True)
            with door(self.env):
                self._tell_not_sent(note, error)

    def _tell_not_sent(self, note, error):
        told = self.wallet_id._for_finance()
        _ = telling(told.env)
        left = note.currency_id.with_env(told.env).format(note.amount_residual)
        values = {"amount": left, "error": str(error)[:500]}
        if note.call_wallet_refund_ids:  # begun: see `_refunds_left`
            text = _(
                "%(amount)s could not be sent back through the payment provider (%(error)s). It is tried again every "
                "hour for as long as the credit note is open. See at the provider before you pay it by bank.",
                **values,
            )
        else:
            text = _(
                "%(amount)s could not be sent back through the payment provider (%(error)s). See there whether it "
                "has left all the same. If not, pay the credit note by bank.",
                **values,
            )
        told._tell_finance(_("Credit note %s was not sent back", note.name), text, about=note)

    def _refund_in_savepoint(self, note):
        with self.env.cr.savepoint():
            return self._refund_through_provider(note)

    def _refund_through_provider(self, note):
        """Ask the provider that brought the money to send back the credit note's amount.

        Stripe is asked once the refund is committed, and nothing is locked; other providers by Odoo's modules here.

        :return: the refund's transaction; empty where no single payment of a provider covers it
        """
        # Not the wallet: calls go on while the provider is asked.
        self.env.cr.execute("SELECT FROM call_wallet_topup WHERE id = %s FOR UPDATE", [self.id])
        self.env.invalidate_all()
        refund = note.call_wallet_refund_ids
        if refund or note.state != "posted" or note.currency_id.is_zero(note.amount_residual):
            return refund
        source = self._refundable_transaction(note.amount_residual)
        if not source:
            return source
        source = source.with_context(call_wallet_credit_note_id=note.id, payment_backend_action=True)
        if source._call_wallet_by_library():
            return source._call_wallet_begin_refund(note.amount_residual)
        refund = source._refund(amount_to_refund=note.amount_residual)
        if refund.state in ("done", "error"):
            refund._post_process()
        return refund

    def _refundable_transaction(self, amount):
        transactions = self.invoice_id.transaction_ids.filtered(
            lambda source: (
                source.state == "done"
                and source.operation != "refund"
                and source.provider_id.state != "disabled"
                and source.provider_id.support_refund != "none"
                and self._paid_with(source).support_refund != "none"
                and source.payment_id.state in ("in_process", "paid")
            )
        )
        for source in transactions.sorted("id", reverse=True):
            sent_back = sum(
                child.amount
                for child in source.child_transaction_ids
                if child.operation == "refund" and child.state in ("done", "pending", "draft")
            )
            # Refunds are negative.
            left = source.amount + sent_back
            whole = source.currency_id.compare_amounts(amount, source.amount) == 0
            partial = source.provider_id.support_refund == self._paid_with(source).support_refund == "partial"
            # Another payment of it may be left over, or have paid other documents as well.
            paid = min(left, float(self._paid_by(source)))
            if source.currency_id.compare_amounts(amount, paid) <= 0 and (whole or partial):
                return source
        return transactions.browse()

    def _paid_by(self, source):
        """Return what a payment has paid of this top-up and was not refunded, tax included (Decimal)."""
        return sum((item.left for item in source._call_wallet_left() if item.document == self.invoice_id), ZERO)

    def _paid_with(self, source):
        """Return the method that knows about refunds: of a card's brand, such as Visa, the card."""
        return source.payment_method_id.primary_payment_method_id or source.payment_method_id

    # === ACTIONS === #

    def action_open_pay_back(self):
        """Ask how much and why, then pay back.

        :raise AccessError: not a finance manager
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE_MANAGER)
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_payback_wizard")
        action["context"] = {"default_topup_id": self.id}
        return action

    # === THE CREDIT NOTE === #
    # The credit note covers the top-up's own line only: the part that is paid back, and the part that was never paid.
    #
    # Without the latter the order would stay open above what is left of it, and the
    # level of what was received would not fall.

    def _create_credit_note(self, amount, reason, request_key):
        """Post a credit note on the top-up's invoice; the ledger has followed when it returns."""
        before, unpaid = self.credited_amount, self._unpaid_part()
        invoice = self.invoice_id
        today = self.company_id._call_wallet_today()
        _ = self.with_context(lang=self.partner_id._call_wallet_lang(self.company_id)).env._
        note = invoice._reverse_moves(
            [
                {
                    "invoice_date": today,
                    "date": today,
                    "ref": _("%(invoice)s, paid back: %(reason)s", invoice=invoice.name, reason=reason),
                    "invoice_payment_term_id": False,
                    "call_wallet_request_key": self._payback_key(request_key) if request_key else False,
                    "call_wallet_paid_back": amount,
                }
            ]
        )
        net = self._scale_credit_note(note, amount + unpaid)
        if net != amount + unpaid:
            raise UserError(
                self.env._(
                    "Amount: the invoice's taxes leave no price whose net is exactly that. %s can be paid back.",
                    self.wallet_id._format_exactly(net - unpaid),
                )
            )
        with self._together():
            note.with_context(call_wallet_pay_back=True).action_post()
            if unpaid:
                self._settle_unpaid(note)
        self.env.flush_all()
        self.env.invalidate_all()
        if before - self.credited_amount != amount:
            raise UserError(self.env._("The wallet is being worked on just now. Nothing was paid back; try again."))
        return note

    # === WHAT WAS NOT PAID === #

    def _unpaid_part(self):
        """Return what of the order was neither received nor credited, net of tax.

        :raise UserError: it is not open on the invoice either, because it was written off
        """
        invoice = self.invoice_id
        part = min(self.amount, invoice._call_wallet_net()) - self._credit_notes() - self.credited_amount
        part -= self._released()
        lost = self._written_off(part) if part > 0 else ZERO
        if lost:
            raise UserError(
                self.env._(
                    "%(part)s of %(invoice)s was settled without being received, such as by a write-off. Count it as "
                    "received or release it first, with Settled Without Funds… on the top-up; then pay back.",
                    part=self.wallet_id._format_exactly(lost),
                    invoice=invoice.display_name,
                )
            )
        return part

    def _written_off(self, part):
        """Return how much of what was not received is not open on the invoice either, net of tax."""
        invoice = self.invoice_id
        total, net = parse_amount(invoice.amount_total), parse_amount(invoice.amount_untaxed)
        lost = part * total / net - parse_amount(invoice.amount_residual)
        return to_coins(lost * net / total, self.currency_id) if lost > unit_of(self.currency_id) else ZERO

    def _settle_unpaid(self, note):
        lines = (self.invoice_id | note).line_ids
        lines.filtered(lambda line: line.account_id.account_type == "asset_receivable").reconcile()

    # === THE AMOUNT === #

    def _scale_credit_note(self, note, amount):
        """Make the whole invoice's credit note one of ``amount``, net of tax, or as near to it as taxes allow.

        :return: Decimal, what it is net of tax
        """
        line = note._call_wallet_funds_line()
        (note.invoice_line_ids - line).unlink()
        if note._call_wallet_net() == amount:
            return amount
        is_last = self._credit_notes() + amount >= self.invoice_id._call_wallet_net()
        taxes = line.tax_ids.flatten_taxes_hierarchy()
        if not is_last:
            # A fixed tax was asked for once, and goes back once: with the last part.
            taxes = taxes.filtered(lambda tax: tax.amount_type != "fixed")
        line.write({"tax_ids": [Command.set(taxes.ids)], "discount": 0, "quantity": 1})
        net = self._price_credit_note(note, line, amount)
        if is_last and net == amount:
            self._take_rest_of_tax(note)
        return net

    def _price_credit_note(self, note, line, amount):
        found = {}
        for price in self._prices_near(line, amount):
            line.price_unit = float(price)
            found[price] = note._call_wallet_net()
            if found[price] == amount:
                return amount
        nearest = min(found, key=lambda price: abs(found[price] - amount))
        line.price_unit = float(nearest)
        return found[nearest]

    def _take_rest_of_tax(self, note):
        """Make the last part's tax what is left of the invoice's.

        Each part's tax is rounded. Together they may be a cent more than the invoice, which no card payment covers.
        """
        notes = self.invoice_id.reversal_move_ids.filtered(lambda move: move.state == "posted")
        if len(self.invoice_id.invoice_line_ids.filtered(lambda line: line.display_type == "product")) > 1:
            return  # the taxes of a fee, whose credit notes are none of ours
        unit = self.currency_id.rounding
        for tax in note.line_ids.tax_line_id:
            [line] = note.line_ids.filtered(lambda line, tax=tax: line.tax_line_id == tax)[:1]
            # Credit on the invoice, debit on its credit notes: all together are to leave nothing.
            items = (self.invoice_id | notes | note).line_ids.filtered(lambda line, tax=tax: line.tax_line_id == tax)
            left = self.currency_id.round(sum(items.mapped("amount_currency")))
            # More than roundings is an accountant's doing, such as a credit note without tax.
            if left and abs(left) <= unit * (len(notes) + 1):
                note.write({"line_ids": [Command.update(line.id, {"amount_currency": line.amount_currency - left})]})

    def _prices_near(self, line, amount):
        """Yield prices of the line, taxes included where the invoice's are, from the likeliest on."""
        computed = line.tax_ids.compute_all(
            float(amount),
            currency=self.currency_id,
            product=line.product_id,
            partner=self.partner_id,
            handle_price_include=False,
        )
        included = sum(tax["amount"] for tax in computed["taxes"] if tax["price_include"])
        price = amount + parse_amount(self.currency_id.round(included))
        unit = unit_of(self.currency_id)
        yield price
        for step in range(1, STEPS + 1):
            yield price + step * unit
            yield price - step * unit
