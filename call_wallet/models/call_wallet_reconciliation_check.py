from datetime import date

from odoo import api, models

# Behind every entry, those dated ahead included.
END = date(9998, 12, 31)


class CallWalletReconciliationCheck(models.Model):
    _inherit = "call.wallet"

    @api.model
    def _check_accounting(self, ids):
        """Return where the general ledger says something of a wallet that its own ledger does not explain.

        :param list ids: of the wallets; None: all
        :return: list of sentences, as ``check_invariants`` returns them
        """
        violations = []
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
