from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..const import FINANCE_MANAGER
from ..tools.fields import ZERO, Amount, parse_amount


class CallWalletCloseWizard(models.TransientModel):
    """Shows what closing a wallet will do before it is done. Amounts are in the wallet's currency."""

    _name = "call.wallet.close.wizard"
    _inherit = "call.wallet.dialog"
    _description = "Close a Wallet"

    wallet_id = fields.Many2one("call.wallet", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    reason = fields.Char()
    balance = Amount(readonly=True, compute="_compute_plan", store=True)
    line_ids = fields.One2many(
        "call.wallet.close.line", "wizard_id", "Credit Notes", compute="_compute_plan", store=True
    )
    paid_back = Amount("Paid back by credit note", compute="_compute_plan", store=True)
    rest = Amount("Cannot be paid back", compute="_compute_plan", store=True)
    owed = Amount("Owed by the customer", compute="_compute_plan", store=True)
    needs_take_rest = fields.Boolean(compute="_compute_plan", store=True)
    blockers = fields.Text(compute="_compute_plan", store=True)
    rejected_count = fields.Integer("Rejected Calls", compute="_compute_plan", store=True)
    rejected_worth = Amount("Their Cost", compute="_compute_plan", store=True, help="By the contract of now.")
    rejected_unknown = fields.Integer("Of Unknown Cost", compute="_compute_plan", store=True)
    leave_rejected = fields.Boolean("Close all the same")
    take_rest = fields.Boolean("Keep it as breakage income")
    write_off = fields.Boolean("Write it off")

    @api.depends("wallet_id")
    def _compute_plan(self):
        for wizard in self:
            # Once, when the dialog opens: what it shows is compared with what there is when it is carried out.
            wallet = wizard.wallet_id._permitted(FINANCE_MANAGER) if wizard.wallet_id else wizard.wallet_id
            if not wallet:
                wizard.update({"balance": ZERO, "paid_back": ZERO, "rest": ZERO, "owed": ZERO, "line_ids": False})
                continue
            plan = wallet._closing_plan()
            wizard.balance = plan.balance
            wizard.paid_back = sum((amount for _topup, amount in plan.paid_back), ZERO)
            wizard.rest, wizard.owed = max(plan.rest, ZERO), max(-plan.rest, ZERO)
            wizard.needs_take_rest = plan.takes_rest
            rejected = wallet.env["call.usage.rejection"]._open_of(wallet)
            wizard.rejected_count = len(rejected)
            wizard.rejected_worth, wizard.rejected_unknown = rejected._worth()
            wizard.blockers = "\n".join(plan.blockers)
            wizard.line_ids = [Command.clear()] + [
                Command.create({"topup_id": topup.id, "amount": amount, "total": gross(topup, amount)})
                for topup, amount in plan.paid_back
            ]

    def action_open_rejected(self):
        """Open the rejected calls that wait.

        :raise AccessError: not a finance manager
        """
        self.ensure_one()
        rejected = self.wallet_id._permitted(FINANCE_MANAGER).env["call.usage.rejection"]._open_of(self.wallet_id)
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_usage_rejection")
        return {**action, "context": {}, "domain": [("id", "in", rejected.ids)]}

    def action_close(self):
        """Close the wallet as shown.

        :raise UserError: as ``call.wallet.close``, the balance is not what was shown, or nobody has said what becomes
            of rejected calls that wait
        """
        self.ensure_one()
        if self.rejected_count and not self.leave_rejected:
            raise UserError(
                self.env._(
                    "Rejected calls wait: %s. Charge or dismiss them first, or choose to close all the same.",
                    self.rejected_count,
                )
            )
        if self.balance != self.wallet_id.balance:
            raise UserError(self.env._("The balance has changed since this was opened. Discard, and look at it again."))
        self.wallet_id.close(self.reason, take_rest=self.take_rest, write_off=self.write_off)
        return {"type": "ir.actions.client", "tag": "soft_reload"}


class CallWalletCloseLine(models.TransientModel):
    """One credit note that closing will make."""

    _name = "call.wallet.close.line"
    _description = "Credit Note of a Closing"

    wizard_id = fields.Many2one("call.wallet.close.wizard", required=True, ondelete="cascade", index=True)
    topup_id = fields.Many2one("call.wallet.topup", "Invoice", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="topup_id.currency_id")
    amount = Amount("Net", help="Taken from the wallet.")
    total = Amount("With Tax", help="The credit note.")


def gross(topup, amount):
    """Return what the credit note over ``amount`` comes to with the invoice's tax."""
    invoice = topup.invoice_id
    if not invoice.amount_untaxed:
        return amount
    share = parse_amount(invoice.amount_total) / parse_amount(invoice.amount_untaxed)
    return parse_amount(topup.currency_id.round(float(amount * share)))
