from odoo import models


class CallWalletTransferAnnounced(models.Model):
    """Transfers that customers have announced: they are awaited until their invoice is settled."""

    _inherit = "call.wallet.topup"

    def _close_wires(self):
        """End the announced transfers of an invoice that is settled or cancelled.

        The last one is done where a transfer has paid the invoice; nobody awaits the others.
        """
        invoice = self.invoice_id
        is_settled = invoice.state == "posted" and invoice.currency_id.is_zero(invoice.amount_residual)
        if not is_settled and invoice.state != "cancel":
            return
        wires = invoice.transaction_ids.filtered(
            lambda wire: wire.provider_code == "custom" and wire.state in ("draft", "pending")
        ).sorted("id")
        came = invoice.line_ids.matched_credit_ids.credit_move_id.move_id.filtered("statement_line_id")
        if wires and came:
            done, wires = wires[-1:], wires[:-1]
            done._set_done()
            # The money is on the bank statement: a payment beside it would be there twice.
            done.is_post_processed = True
        if wires:
            wires._set_canceled(
                state_message=self.env._("Invoice %s is settled; this transfer is not awaited.", invoice.name)
            )
