from odoo import models
from odoo.exceptions import ValidationError


class AccountMove(models.Model):
    """Whether, and by whom, a top-up's invoice can be paid online just now."""

    _inherit = "account.move"

    def _call_wallet_lock_for_payment(self):
        """Let one request at a time start a payment of these invoices.

        Of two requests that do not see each other, the second fails at this write and is
        repeated by Odoo; then it sees what the first one started.

        :raise ValidationError: one of them cannot be paid now; says why
        """
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE call_wallet_topup SET credit_count = credit_count WHERE invoice_id = ANY(%s)", [self.ids]
        )
        self.env.invalidate_all()
        for invoice in self.filtered("call_wallet_topup_ids"):
            refusal = invoice._call_wallet_not_payable()
            if refusal:
                raise ValidationError(refusal)

    def _call_wallet_not_payable(self):
        """Return why this top-up's invoice cannot be paid online now, or False."""
        self.ensure_one()
        _ = self.env._
        if self.state != "posted":
            return _("Invoice %s is cancelled. Add balance again to get a new one.", self.name or "")
        if self.currency_id.is_zero(self.amount_residual):
            return _("Invoice %s is paid already. Nothing more was charged.", self.name)
        if not self.call_wallet_topup_ids.wallet_id.active:
            return _("The wallet of invoice %s is closed; do not pay it. Ask your account manager.", self.name)
        if self.sudo().transaction_ids.filtered("call_wallet_is_under_way"):
            return _("A payment of invoice %s is being processed. Wait for its result.", self.name)
        return False

    def _call_wallet_payer(self, partner):
        """Return in whose name these invoices are paid: the user's, if he is the customer's.

        A payment by anybody else, such as finance staff on the customer's behalf, is the
        customer's all the same; otherwise it could not be matched with the invoice.

        :param partner: the user's partner
        """
        customer = self.partner_id[:1]
        return partner if partner.commercial_partner_id == customer.commercial_partner_id else customer
