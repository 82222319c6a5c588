from odoo import models
from odoo.tools import plaintext2html

TO_DO = "mail.mail_activity_data_todo"


class ResCompanyFinanceNotice(models.Model):
    _inherit = "res.company"

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


class CallWalletFinanceNotice(models.Model):
    _inherit = "call.wallet"

    def _tell_finance(self, summary, note):
        """Note something about money in the wallet's chatter, and give somebody in finance an activity."""
        self.ensure_one()
        self.message_post(body=note, subject=summary)
        user = self.company_id._call_wallet_finance_user(preferred=self.account_manager_id)
        self.with_context(mail_activity_quick_update=True).activity_schedule(
            TO_DO,
            summary=summary,
            note=plaintext2html(note),
            user_id=user.id or self.env.uid,
            date_deadline=self.company_id._call_wallet_today(),
        )
