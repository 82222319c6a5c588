from odoo import api, models
from odoo.exceptions import UserError

from ...tools.door import books_door
from ...tools.fields import parse_id
from .call_wallet_stripe_payout import WAITING


class AccountBankStatementLineStripe(models.Model):
    _inherit = "account.bank.statement.line"

    def _call_wallet_matched_payouts(self):
        payouts = self.env["call.wallet.stripe.payout"]
        return payouts.search([("statement_line_id", "in", self.ids), ("state", "=", "matched")]) if self else payouts

    @api.ondelete(at_uninstall=False)
    def _call_wallet_forget_payouts(self):
        self.env["call.wallet.stripe.payout"].sudo().search([("statement_line_id", "in", self.ids)])._forget_line()

    def action_call_wallet_settle_payout(self):
        """Settle a payout of Stripe's with this line of the bank.

        The payout is the one that the context names (``call_wallet_payout_id``), or else the only one that it may be.

        :raise AccessError: not a finance manager
        :raise UserError: the line is none that the payout may be, or may be several
        """
        self.ensure_one()
        payouts = self.env["call.wallet.stripe.payout"]._as_manager()
        self.check_access("read")
        named = parse_id(self.env.context.get("call_wallet_payout_id") or 0)
        with books_door(self.env):
            line = self.with_env(payouts.env)
            payout = payouts.search([("id", "=", named)] if named else [("state", "in", WAITING)])
            payout = payout.filtered(lambda payout: line in payout.candidate_ids)
            if len(payout) != 1:
                raise UserError(self.env._("This line has another amount or day, names somebody else, or is taken."))
            payout._match(line)
