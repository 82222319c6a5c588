from odoo import Command, api, models


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    @api.model
    def default_get(self, fields):
        """Odoo's hook; date what goes back of top-ups on the company's day, not on the user's."""
        values = super().default_get(fields)
        if "date" not in fields or "default_date" in self.env.context:
            return values
        ids = [id for command in values.get("move_ids") or [] if command[0] == Command.SET for id in command[2]]
        moves = self.env["account.move"].browse(ids).sudo()
        if moves.call_wallet_topup_ids or moves.call_wallet_released_topup_id:
            values["date"] = moves.company_id[:1]._call_wallet_today()
        return values

    def _prepare_default_reversal(self, move):
        """Odoo's hook; post a credit note of the company's day at once, even where that is tomorrow for the user."""
        values = super()._prepare_default_reversal(move)
        move_sudo = move.sudo()
        company = (move_sudo.call_wallet_topup_ids | move_sudo.call_wallet_released_topup_id).company_id
        if company and values["date"] <= company._call_wallet_today():
            values["auto_post"] = "no"
        return values
