from datetime import timedelta

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...tools.fields import ZERO, parse_amount
from ...tools.money import unit_of


class AccountMoveContent(models.Model):
    """What a top-up's invoice and its credit notes may say when they are posted.

    Accountants may reset them to draft and change them. What the wallet could not follow is refused here, with what
    to do instead: the wallet is credited in its own currency, from the day of posting on, with the funds that stand
    on the invoice.
    """

    _inherit = "account.move"

    def _call_wallet_refuse_content(self, soft):
        """Refuse documents of top-ups that the wallet could not follow.

        :param bool soft: Odoo leaves those for their day whose day is still to come
        :raise UserError: an invoice without funds or with lines that take something off them, a credit note for
            somebody else, in another currency, over what is not on the invoice or older than it, or a date that is
            still to come
        """
        for move in self:
            if move.call_wallet_topup_ids:
                move._call_wallet_refuse_lines()
            elif move.move_type == "out_refund" and move.reversed_entry_id.call_wallet_topup_ids:
                move._call_wallet_refuse_others_note()
                move._call_wallet_refuse_before_invoice()
                move._call_wallet_refuse_goodwill()
            else:
                continue
            if not soft:
                move._call_wallet_refuse_early()

    def _call_wallet_refuse_lines(self):
        """Refuse an invoice whose other lines lower it: it would be paid in full with less than its funds."""
        if self._call_wallet_net() <= ZERO:
            raise UserError(
                self.env._(
                    "%s: no line adds funds any more, and the top-up would wait for them for ever. Cancel the order "
                    "on the top-up, and invoice anything else on an invoice of its own.",
                    self.display_name,
                )
            )
        others = self._call_wallet_other_lines()
        if others < -unit_of(self.currency_id):  # less is taxes rounded by document
            wallet = self.call_wallet_topup_ids.wallet_id[:1]
            raise UserError(
                self.env._(
                    "%(invoice)s: other lines take %(amount)s off the funds. Give a discount on the line of the funds "
                    "itself, which credits the wallet with less; or take those lines out, and credit the wallet with "
                    "a refund.",
                    invoice=self.display_name,
                    amount=wallet._format_exactly(-others),
                )
            )

    def _call_wallet_refuse_others_note(self):
        """Refuse a credit note that is somebody else's, or whose amounts are in another currency than the wallet's."""
        invoice = self.reversed_entry_id
        if self.currency_id == invoice.currency_id and self.commercial_partner_id == invoice.commercial_partner_id:
            return
        raise UserError(
            self.env._(
                "%(note)s credits %(invoice)s, a call wallet top-up: its customer and currency are those of the "
                "invoice, %(customer)s and %(currency)s.",
                note=self.display_name,
                invoice=invoice.display_name,
                customer=invoice.partner_id.display_name,
                currency=invoice.currency_id.name,
            )
        )

    def _call_wallet_refuse_before_invoice(self):
        """Refuse a credit note that is older than its invoice: the books would owe less than nothing in between."""
        invoice = self.reversed_entry_id
        if self.date and self.date < invoice.date:
            raise UserError(
                self.env._(
                    "%(note)s is dated %(day)s, before %(invoice)s, which it credits. Date it %(first)s or later.",
                    note=self.display_name,
                    day=format_date(self.env, self.date),
                    invoice=invoice.display_name,
                    first=format_date(self.env, invoice.date),
                )
            )

    def _call_wallet_refuse_goodwill(self):
        """Refuse a credit note over something that is not on the invoice: it would settle funds that nobody paid."""
        invoice, others = self.reversed_entry_id, self._call_wallet_other_lines()
        earlier = (invoice.reversal_move_ids - self).filtered(lambda note: note.state == "posted")
        left = invoice._call_wallet_other_lines()
        left -= sum((max(note._call_wallet_other_lines(), ZERO) for note in earlier), ZERO)
        # Where it credits what else is on the invoice by other prices, it may be off by rounding.
        if others > max(left, ZERO) + unit_of(self.currency_id):
            raise UserError(
                self.env._(
                    "%(note)s credits %(amount)s that is not on %(invoice)s beside the funds. Credit the funds with "
                    "Pay Back on the top-up, give goodwill with a refund on the wallet, or enter this credit note by "
                    "itself, not on the invoice.",
                    note=self.display_name,
                    amount=invoice.call_wallet_topup_ids.wallet_id[:1]._format_exactly(others),
                    invoice=invoice.display_name,
                )
            )

    def _call_wallet_refuse_early(self):
        """Refuse a day that is still to come: the wallet moves today, and the books would follow later.

        Tomorrow is allowed, where some users live already; so is the first day that is not locked.
        """
        company = self.company_id
        tomorrow = company._call_wallet_today() + timedelta(days=1)
        last = company._call_wallet_open_day(tomorrow, self.journal_id, bool(self.line_ids.tax_ids))
        if self.date > last:
            raise UserError(
                self.env._(
                    "%(document)s is dated %(day)s, but the wallet changes as it is posted. Date it today.",
                    document=self.display_name,
                    day=format_date(self.env, self.date),
                )
            )

    def _call_wallet_other_lines(self):
        """Return what stands on the document beside the funds, net of tax (Decimal, in its currency)."""
        return parse_amount(self.amount_untaxed) - self._call_wallet_rounding() - self._call_wallet_net()

    def _call_wallet_rounding(self):
        """Return what cash rounding adds to the document's amount before tax; below zero where it takes off.

        :return: Decimal, in the document's currency
        """
        lines = self.line_ids.filtered(
            lambda line: line.display_type == "rounding" and not line.tax_repartition_line_id
        )
        return parse_amount(self.currency_id.round(self.direction_sign * sum(lines.mapped("amount_currency"))))
