from odoo import api, models
from odoo.exceptions import AccessError

from ...const import FINANCE_MANAGER


class CallWalletSettings(models.TransientModel):
    """The addon's settings of a company, for finance managers, who are no administrators of the database.

    Odoo's page of settings has the same fields by inheriting from the same mixin; its blocks are put into
    this model's form, whoever extends them.
    """

    _name = "call.wallet.settings"
    _inherit = "call.wallet.settings.mixin"
    _description = "Call Wallet Settings"

    @api.model
    def action_open(self):
        """Open the addon's settings: Odoo's own page for administrators, this form for finance managers.

        :raise AccessError: not a finance manager
        """
        user = self.env.user
        if not (self.env.su or user.has_group(FINANCE_MANAGER)):
            raise AccessError(self.env._("Only finance managers change the settings of call wallets."))
        if self.env.su or user.has_group("base.group_system"):
            return self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_settings")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Settings"),
            "res_model": self._name,
            "views": [(self.env.ref("call_wallet.call_wallet_settings_view_form").id, "form")],
            # A dialog: what is not saved by its button is not saved by leaving it either.
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }

    def action_save(self):
        """Close the form, which was saved by the click itself, and say so.

        :raise AccessError: not a finance manager
        """
        self.check_access("write")
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("The settings of %s are saved.", self.company_id.name),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    # === OF WHICH COMPANY === #
    # The current one, whatever a caller sends: what is shown is read with more rights than the user's.

    def onchange(self, values, field_names, fields_spec):
        """Odoo's hook for a form that is open."""
        return super().onchange({**values, "company_id": self.env.company.id}, field_names, fields_spec)

    @api.model_create_multi
    def create(self, vals_list):
        """Change the settings of the current company."""
        return super().create([{**vals, "company_id": self.env.company.id} for vals in vals_list])

    def write(self, vals):
        """Change them once more.

        :raise AccessError: to other companies'
        """
        if any(record.company_id.id != vals.get("company_id", record.company_id.id) for record in self):
            raise AccessError(self.env._("Company: choose it at the top of the page, and open its settings again."))
        return super().write(vals)

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        arch, view = super()._get_view(view_id, view_type, **options)
        place = arch.find(".//div[@name='call_wallet_settings']")
        if place is not None:
            self._add_settings(place)
        return arch, view

    def _add_settings(self, place):
        """Put the blocks of the addon's page of Odoo's settings, whoever extends it, into this form."""
        settings = self.env.ref("base.res_config_settings_view_form").sudo()._get_combined_arch()
        for block in settings.findall(".//app[@name='call_wallet']//block"):
            title = place.makeelement("h2", {"class": "mt-4"})
            title.text = block.get("title")
            row = place.makeelement("div", {"class": "row o_settings_container"})
            for setting in block.findall("setting"):
                if all(field.get("name") in self._fields for field in setting.findall(".//field")):
                    row.append(setting)
            if len(row):
                place.extend([title, row])
