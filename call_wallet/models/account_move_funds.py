from odoo import models
from odoo.exceptions import UserError

from ..fields import ZERO, parse_amount

DOCUMENTS = ("out_invoice", "out_refund")


class AccountMoveFunds(models.Model):
    """What a document says about a wallet's funds: by its own lines, beside which others may stand.

    An accountant may add a fee to a top-up's invoice, and credit that fee alone.
    """

    _inherit = "account.move"

    def _call_wallet_net(self):
        """Return the funds on a top-up's invoice, or those that its credit note takes off, net of tax.

        :return: Decimal, in the document's currency
        """
        self.ensure_one()
        product = self.env.ref("call_wallet.product_topup")
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        own = lines & self._call_wallet_deposit_lines() | lines.filtered(lambda line: line.product_id == product)
        if own == lines:
            # Where taxes are rounded by document, the lines' own amounts may be a cent off.
            return parse_amount(self.amount_untaxed)
        return sum((parse_amount(line.price_subtotal) for line in own), ZERO)

    def _call_wallet_note_wallets(self):
        """Note the wallet on what invoices and credit notes of top-ups add to the deposits or take off them."""
        for move in self:
            wallet = (move | move.reversed_entry_id).call_wallet_topup_ids.wallet_id
            if wallet:
                move._call_wallet_deposit_lines().call_wallet_id = wallet

    def _call_wallet_deposit_lines(self):
        deposits = self.company_id._call_wallet_deposit_accounts()
        return self.invoice_line_ids.filtered(lambda line: line.account_id in deposits)

    def _call_wallet_refuse_stray(self):
        """Such as a copy of a top-up's invoice, or the reversal of its credit note: it would be paid for nothing."""
        product = self.env.ref("call_wallet.product_topup")
        for move in self.filtered(lambda move: move.move_type in DOCUMENTS):
            topups = move.call_wallet_topup_ids
            if move.move_type == "out_refund":
                topups = move.reversed_entry_id.call_wallet_topup_ids
            if not topups and product in move.invoice_line_ids.product_id:
                raise UserError(
                    self.env._(
                        "%(move)s: no wallet would change by it. Funds are invoiced by Add Balance on the wallet, and "
                        "credited by Pay Back on the top-up or by a credit note on its invoice. To undo a credit "
                        "note, reset it to draft.",
                        move=move.display_name,
                    )
                )

    def _call_wallet_refuse_excess(self):
        """Two credit notes of the same funds."""
        noted = {}
        for note in self.filtered(lambda move: move.move_type == "out_refund"):
            for topup in note.reversed_entry_id.call_wallet_topup_ids:
                invoice = note.reversed_entry_id
                left = invoice._call_wallet_net() if invoice.state == "posted" else ZERO
                left -= topup._credit_notes() + noted.get(topup, ZERO)
                net = note._call_wallet_net()
                if net > left:
                    raise UserError(
                        self.env._(
                            "%(note)s credits %(net)s of %(invoice)s, of which %(left)s is left. Lower or delete it.",
                            note=note.display_name,
                            net=topup.wallet_id._exactly(net),
                            invoice=invoice.display_name,
                            left=topup.wallet_id._exactly(max(left, ZERO)),
                        )
                    )
                noted[topup] = noted.get(topup, ZERO) + net

    def _call_wallet_refuse_credited(self):
        """An invoice is not reset or cancelled under its credit notes: the customer would be owed what they say.

        :raise UserError: a top-up's invoice has credit notes
        """
        for move in self.sudo().filtered(lambda move: move.state == "posted" and move.call_wallet_topup_ids):
            notes = move.reversal_move_ids.filtered(lambda note: note.state == "posted")
            if notes:
                raise UserError(
                    self.env._(
                        "%(invoice)s has credit notes: %(notes)s. Reset those to draft first.",
                        invoice=move.display_name,
                        notes=", ".join(notes.mapped("display_name")),
                    )
                )
