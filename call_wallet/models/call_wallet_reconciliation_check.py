from datetime import date

from odoo import api, models

# Behind every entry, those dated ahead included.
END = date(9998, 12, 31)


class CallWalletReconciliationCheck(models.Model):
    _inherit = "call.wallet"

    @api.model
    def check_invariants(self, wallets=None):
        """As before; ``accounting``: the general ledger says of each wallet what its ledger explains."""
        violations = super().check_invariants(wallets)
        ids = wallets.ids if isinstance(wallets, models.BaseModel) else wallets
        scope = self.sudo().with_context(active_test=False)
        checked = scope.browse(ids) if ids is not None else scope.search([("company_id", "!=", False)])
        for company, owned in checked.grouped("company_id").items():
            rows, _loose = self._reconcile(END, company, owned.ids)
            violations += [
                f"accounting: {wallet.account_ref}: unexplained {rows[wallet.id].unexplained}"
                for wallet in owned
                if rows[wallet.id].unexplained
            ]
        return violations
