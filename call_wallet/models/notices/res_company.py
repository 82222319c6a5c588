from odoo import models

from ...const import ACCOUNT_MANAGER


class ResCompanyFinanceNotice(models.Model):
    _inherit = "res.company"

    def _call_wallet_responsible(self, *users):
        """Return the first of ``users`` who still works with this company's wallets, else who does so in finance.

        Nobody would see the task of somebody who left, or who has another job now.
        """
        self.ensure_one()
        for user in users:
            if user.active and self in user.company_ids and user.sudo().has_group(ACCOUNT_MANAGER):
                return user
        return self._call_wallet_finance_user()

    def _call_wallet_finance_user(self, preferred=None):
        """Return who of the company's finance staff is to look at something; empty where there is nobody.

        :param preferred: ``res.users``, who it is if they are finance staff of the company
        """
        self.ensure_one()
        finance = self.env.ref("call_wallet.group_finance")
        staff = (
            self.env["res.users"]
            .sudo()
            .search(
                [("all_group_ids", "in", finance.id), ("company_ids", "in", self.id), ("share", "=", False)],
                order="id",
            )
        )
        # An administrator has every right, but is rarely who keeps the books.
        bookkeepers = staff.filtered(lambda user: not user._is_system())
        return (preferred & staff if preferred else staff[:0]) or bookkeepers[:1] or staff[:1]
