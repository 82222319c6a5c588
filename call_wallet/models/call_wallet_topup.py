from odoo import api, fields, models
from odoo.exceptions import UserError

from ..fields import Amount

TOPUP_STATES = [
    ("pending", "Pending"),
    ("partial", "Partly Paid"),
    ("paid", "Paid"),
    ("paid_back", "Paid Back"),
    ("cancelled", "Cancelled"),
]
INVOICE_STATUSES = [("paid", "Paid"), ("pending", "Pending"), ("cancelled", "Cancelled")]


class CallWalletTopup(models.Model):
    """An order for funds: the amount, the terms accepted with it, its invoice and its credit.

    Amounts are in the wallet's currency. ``amount`` is net of tax: what reaches the wallet
    when the invoice is paid. Times are UTC.
    """

    _name = "call.wallet.topup"
    _description = "Call Wallet Top-up"
    _order = "id desc"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    amount = Amount(required=True, readonly=True, help="Net of tax: what reaches the wallet when it is paid.")
    tax_amount = Amount("Tax", compute="_compute_totals")
    total_amount = Amount("Total", compute="_compute_totals", help="Tax included: what is to be paid.")
    credited_amount = Amount(
        "Credited",
        required=True,
        default=0,
        readonly=True,
        copy=False,
        help="What has reached the wallet so far, less what was taken back.",
    )
    credit_count = fields.Integer(
        readonly=True, copy=False, default=0, help="Ledger rows so far; each is entered once under its number."
    )
    state = fields.Selection(
        TOPUP_STATES, string="Status", compute="_compute_state", store=True, required=True, precompute=True
    )
    invoice_id = fields.Many2one("account.move", readonly=True, copy=False, ondelete="restrict", index="btree_not_null")
    invoice_status = fields.Selection(related="invoice_id.call_wallet_status")
    requested_by_id = fields.Many2one(
        "res.users", readonly=True, ondelete="restrict", default=lambda self: self.env.user
    )
    terms_id = fields.Many2one("call.wallet.terms", readonly=True, ondelete="restrict", index=True)
    accepted_at = fields.Datetime("Terms Accepted At", readonly=True)
    accepted_from = fields.Char(readonly=True, help="The network address it was accepted from.")
    accepted_with = fields.Char(readonly=True, help="The browser it was accepted with.")
    request_key = fields.Char(readonly=True, copy=False, help="The same key orders once.")
    transaction_ids = fields.One2many("call.wallet.transaction", "topup_id", readonly=True)
    partner_id = fields.Many2one(related="wallet_id.partner_id", store=True, index=True)
    company_id = fields.Many2one(related="wallet_id.company_id", store=True)
    currency_id = fields.Many2one(related="wallet_id.currency_id", store=True)

    _request_key_unique = models.UniqueIndex("(wallet_id, request_key)", "This top-up was ordered already.")
    _amount_positive = models.Constraint("CHECK(amount > 0)", "Amount: use more than zero.")
    _credited_within = models.Constraint(
        "CHECK(credited_amount BETWEEN 0 AND amount)", "A top-up is credited with its amount at most."
    )

    @api.depends("invoice_id.name", "wallet_id")
    def _compute_display_name(self):
        for topup in self:
            topup.display_name = topup.sudo().invoice_id.name or self.env._("Top-up %s", topup.id)

    @api.depends("invoice_id.amount_tax", "invoice_id.amount_total")
    def _compute_totals(self):
        for topup in self:
            invoice = topup.sudo().invoice_id
            topup.tax_amount = invoice.amount_tax
            topup.total_amount = invoice.amount_total

    @api.depends(
        "amount",
        "credited_amount",
        "invoice_id.state",
        "invoice_id.payment_state",
        "invoice_id.reversal_move_ids.state",
    )
    def _compute_state(self):
        for topup in self:
            topup.state = topup.sudo()._state()

    def _state(self):
        invoice = self.invoice_id
        # Paid with less: after a credit note, or where a rest was written off.
        is_settled = invoice.payment_state in ("paid", "in_payment")
        if invoice.state == "cancel" or invoice.payment_state == "reversed":
            return "cancelled"
        if self.credited_amount:
            return "paid" if is_settled or self.credited_amount == self.amount else "partial"
        return "paid_back" if is_settled and self._credit_notes() else "pending"

    @api.ondelete(at_uninstall=False)
    def _refuse_invoiced(self):
        if self.sudo().invoice_id or self.sudo().transaction_ids:
            raise UserError(self.env._("A top-up with an invoice is not deleted. Cancel its invoice instead."))

    def action_open_invoice(self):
        """Open the top-up's invoice, where payments are registered and it is sent."""
        self.check_access("read")
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": self.invoice_id.id,
            "view_mode": "form",
            "views": [(self.env.ref("account.view_move_form").id, "form")],
        }
