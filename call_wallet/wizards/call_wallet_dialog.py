from odoo import api, models

ABOUT = ("wallet_id", "topup_id", "usage_id")


class CallWalletDialog(models.AbstractModel):
    """A dialog about a wallet tells nothing of one that the user may not see.

    What a dialog shows is computed with more rights than the user's, so it is asked first whose wallet it is.
    """

    _name = "call.wallet.dialog"
    _description = "Dialog about a Wallet"

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_about(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_about(vals)
        return super().write(vals)

    def onchange(self, values, field_names, fields_spec):
        """Odoo's hook for a form that is open."""
        self._check_about(values)
        return super().onchange(values, field_names, fields_spec)

    def _check_about(self, values):
        """:raise AccessError: not a wallet, top-up or call of the user's companies"""
        for name in ABOUT:
            if name not in self._fields or self._fields[name].related:
                continue
            value = values.get(name) or self.env.context.get(f"default_{name}")
            record_id = value.get("id") if isinstance(value, dict) else value
            if record_id:
                self.env[self._fields[name].comodel_name].browse(record_id).check_access("read")
