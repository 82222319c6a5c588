from odoo import models
from odoo.tools import plaintext2html

from .call_wallet_finance_notice import TO_DO


class CallWalletPostingNotice(models.Model):
    """A run that stops in the background is somebody's task, until a run gets through."""

    _inherit = "call.wallet.posting"

    def _ask_for_help(self):
        """Give the run to who started it, or to finance staff; once, however often it stops."""
        self.ensure_one()
        user = self.company_id._call_wallet_finance_user(preferred=None if self.is_scheduled else self.user_id)
        if self.activity_ids:
            self.activity_ids.note = plaintext2html(self.error)
            return
        posting = self.with_context(lang=user.partner_id._call_wallet_lang(), mail_activity_quick_update=True)
        posting.activity_schedule(
            TO_DO,
            summary=posting.env._("The posting has stopped"),
            note=plaintext2html(self.error),
            user_id=user.id or self.env.uid,
            date_deadline=self.company_id._call_wallet_today(),
        )

    def _end_help(self):
        """The run got through: nobody has to look at it any more."""
        self.activity_ids.unlink()
