from odoo import Command, api, models


class AccountPaymentRegister(models.TransientModel):
    _inherit = "account.payment.register"

    @api.model
    def default_get(self, fields):
        """Odoo's hook; date a payment of top-ups or their credit notes on the company's day, not on the user's."""
        values = super().default_get(fields)
        if "payment_date" not in values or "default_payment_date" in self.env.context:
            return values
        commands = [command for command in values.get("line_ids") or [] if command[0] == Command.SET]
        moves = self.env["account.move.line"].browse(id for command in commands for id in command[2]).move_id.sudo()
        if (moves | moves.reversed_entry_id).call_wallet_topup_ids:
            values["payment_date"] = moves.company_id[:1]._call_wallet_today()
        return values
