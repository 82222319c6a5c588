from odoo import api, models
from odoo.exceptions import AccessError

from .call_wallet import FINANCE_MANAGER

OWN = "call_wallet_"


class ResCompanySettings(models.Model):
    """The addon's settings for finance managers, who are not administrators of the database.

    Odoo's settings are for administrators alone. Finance managers get the same settings on a form of the
    company, made from the same view, and may write these fields of the company and no others.
    """

    _inherit = "res.company"

    def write(self, vals):
        """Change a company, and let what follows from its call wallet settings follow.

        :raise AccessError: a finance manager, who is no administrator, changes other fields than this addon's
        """
        self._call_wallet_refuse_others(vals)
        self._call_wallet_keep_former_deposits(vals)
        result = super().write(vals)
        self._call_wallet_wake_auto_topups(vals)
        return result

    def _call_wallet_refuse_others(self, vals):
        if not self.env.su:
            user = self.env.user
            others = [name for name in vals if not name.startswith(OWN)]
            if others and user.has_group(FINANCE_MANAGER) and not user.has_group("base.group_erp_manager"):
                raise AccessError(
                    self.env._("Finance managers change the call wallet settings of a company and nothing else of it.")
                )

    @api.model
    def action_call_wallet_settings(self):
        """Open the addon's settings: Odoo's own for administrators, the company's form for finance managers.

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
            "res_model": "res.company",
            "res_id": self.env.company.id,
            "views": [(self.env.ref("call_wallet.res_company_view_form_call_wallet").id, "form")],
        }

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        arch, view = super()._get_view(view_id, view_type, **options)
        place = arch.find(".//div[@name='call_wallet_settings']")
        if place is not None:
            self._call_wallet_add_settings(place)
        return arch, view

    def _call_wallet_add_settings(self, place):
        """Put the blocks of the addon's page of the settings, whoever extends it, into a company's form."""
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
