from decimal import ROUND_HALF_UP, Decimal

from odoo import Command, models
from odoo.exceptions import UserError

from ..fields import ZERO, Amount, parse_amount

# How many of the currency's smallest units the price is tried up and down for the net amount that is wanted.
STEPS = 3


class CallWalletTopupCreditNote(models.Model):
    """The credit note by which part of a top-up is paid back: of the top-up's own line, and of what is still unpaid.

    What was never paid is credited with it. Otherwise the order would stay open above what is left of it, and the
    level of what was received would not fall.
    """

    _inherit = "call.wallet.topup"

    def _create_credit_note(self, amount, reason, request_key):
        """Post a credit note on the top-up's invoice; the ledger has followed when it returns."""
        before, unpaid = self.credited_amount, self._unpaid_part()
        invoice = self.invoice_id
        today = self.company_id._call_wallet_today()
        note = invoice._reverse_moves(
            [
                {
                    "invoice_date": today,
                    "date": today,
                    "ref": self.env._("%(invoice)s, paid back: %(reason)s", invoice=invoice.name, reason=reason),
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
                    self.wallet_id._exactly(net - unpaid),
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
        lost = self._written_off(part) if part > 0 else ZERO
        if lost:
            raise UserError(
                self.env._(
                    "%(part)s of %(invoice)s was settled without being received, such as by a write-off. Undo that "
                    "first: reset the payment to draft and register what was received; then pay back.",
                    part=self.wallet_id._exactly(lost),
                    invoice=invoice.display_name,
                )
            )
        return part

    def _written_off(self, part):
        """Return how much of what was not received is not open on the invoice either, net of tax."""
        invoice = self.invoice_id
        total, net = parse_amount(invoice.amount_total), parse_amount(invoice.amount_untaxed)
        unit = Decimal(1).scaleb(-self.currency_id.decimal_places)
        lost = part * total / net - parse_amount(invoice.amount_residual)
        return (lost * net / total).quantize(unit, rounding=ROUND_HALF_UP) if lost > unit else ZERO

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
        unit = Decimal(1).scaleb(-self.currency_id.decimal_places)
        yield price
        for step in range(1, STEPS + 1):
            yield price + step * unit
            yield price - step * unit


class AccountMovePaidBack(models.Model):
    _inherit = "account.move"

    call_wallet_paid_back = Amount(
        "Paid Back", readonly=True, copy=False, help="What this credit note takes from the wallet, net of tax."
    )

    def _call_wallet_funds_line(self):
        """Return the line by which funds are credited; a fee's may stand before it and have a product, too."""
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        own = lines.filtered(lambda line: line.product_id == self.env.ref("call_wallet.product_topup"))
        return (own or lines & self._call_wallet_deposit_lines() or lines)[:1]
