from babel.dates import format_timedelta
from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import get_lang
from odoo.tools.misc import babel_locale_parse

from ..tools.clock import utcnow
from ..tools.fields import ZERO, Amount

# More orders that wait are not named one by one.
ORDERS_NAMED = 5


class CallWalletTopupWizard(models.TransientModel):
    """The Add Balance dialog: amount, purchase summary, terms; then the invoice.

    Amounts are in the wallet's currency. What is shown is computed as the invoice will be.
    """

    _name = "call.wallet.topup.wizard"
    _inherit = "call.wallet.dialog"
    _description = "Add Balance"

    wallet_id = fields.Many2one("call.wallet", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    is_set_up = fields.Boolean(related="wallet_id.is_set_up")
    waiting_orders = fields.Html(
        "Orders That Wait for Payment",
        compute="_compute_waiting_orders",
        sanitize=False,
        help="Each with its number, what is left to pay and how long ago it was ordered.",
    )
    package_id = fields.Many2one(
        "call.wallet.package",
        domain="[('currency_id', '=', currency_id)]",
        compute="_compute_package_id",
        store=True,
        readonly=False,
    )
    has_packages = fields.Boolean(compute="_compute_has_packages")
    other_amount = Amount("Another Amount", help="Instead of a package.")
    amount = Amount("Added to the wallet", compute="_compute_summary")
    tax_amount = Amount("Tax", compute="_compute_summary")
    total_amount = Amount("Total to pay", compute="_compute_summary")
    outstanding_credit = Amount(
        "Paid and Not Used", compute="_compute_outstanding_credit", help="What the customer has paid too much before."
    )
    use_outstanding_credit = fields.Boolean("Use it for this top-up", default=True)
    due_amount = Amount("Left to pay", compute="_compute_outstanding_credit")
    live_minutes = fields.Integer("Live Calls, about", compute="_compute_summary")
    whatsapp_minutes = fields.Integer("WhatsApp Calls, about", compute="_compute_summary")
    terms_id = fields.Many2one("call.wallet.terms", default=lambda self: self.env["call.wallet.terms"]._current())
    terms_body = fields.Html("Terms of agreement", compute="_compute_terms_body")
    topup_id = fields.Many2one("call.wallet.topup", readonly=True, help="What the dialog ordered; it orders once.")
    accept_terms = fields.Boolean("I acknowledge that funds are invoiced and non-refundable")

    @api.depends("terms_id")
    @api.depends_context("lang")
    def _compute_terms_body(self):
        for wizard in self:
            wizard.terms_body = wizard.terms_id and wizard.terms_id._shown().body

    @api.depends("wallet_id")
    @api.depends_context("lang")
    def _compute_waiting_orders(self):
        """Name what was ordered and is not paid, the latest first, so that nobody orders it twice."""
        for wizard in self:
            waiting = [("wallet_id", "=", wizard.wallet_id.id), ("state", "in", ("pending", "partial"))]
            topups = self.env["call.wallet.topup"].search(waiting) if wizard.wallet_id else ()
            lines = [wizard._line_of_order(topup) for topup in topups[:ORDERS_NAMED]]
            if len(topups) > ORDERS_NAMED:
                lines.append(Markup("<li>%s</li>") % self.env._("%s more", len(topups) - ORDERS_NAMED))
            wizard.waiting_orders = bool(lines) and Markup('<ul class="mb-0">%s</ul>') % Markup().join(lines)

    def _line_of_order(self, topup):
        """Return an order as an item of a list: its number with a link, what is left to pay, how long ago it was."""
        age = topup.accepted_at and format_timedelta(
            topup.accepted_at - utcnow(), add_direction=True, locale=babel_locale_parse(get_lang(self.env).code)
        )
        left = self.wallet_id._format_amount(topup.missing_amount)
        link = Markup('<a class="alert-link" href="/odoo/call-wallet-topups/%s" target="_blank">%s</a>') % (
            topup.id,
            topup.display_name,
        )
        return Markup("<li>%s</li>") % Markup(", ").join(filter(None, (link, left, age)))

    @api.depends("wallet_id")
    def _compute_has_packages(self):
        for wizard in self:
            wizard.has_packages = bool(wizard._packages())

    @api.depends("wallet_id")
    def _compute_package_id(self):
        for wizard in self:
            wizard.package_id = wizard._packages()[:1]

    def _packages(self):
        packages = self.env["call.wallet.package"]
        return packages.search(
            [("currency_id", "=", self.currency_id.id)], order="is_recommended desc, sequence, amount"
        )

    @api.depends("wallet_id", "total_amount", "use_outstanding_credit")
    def _compute_outstanding_credit(self):
        for wizard in self:
            credit = wizard.wallet_id._outstanding_credit() if wizard.wallet_id else ZERO
            used = min(credit, wizard.total_amount) if wizard.use_outstanding_credit else ZERO
            wizard.outstanding_credit, wizard.due_amount = credit, wizard.total_amount - used

    @api.onchange("other_amount")
    def _onchange_other_amount(self):
        if self.other_amount:
            self.package_id = False

    @api.onchange("package_id")
    def _onchange_package_id(self):
        if self.package_id:
            self.other_amount = ZERO

    @api.depends("wallet_id", "package_id", "other_amount")
    def _compute_summary(self):
        for wizard in self:
            amount = wizard.other_amount or wizard.package_id.amount
            wizard.amount = wizard.total_amount = amount
            wizard.tax_amount = ZERO
            minutes = {"live": 0, "whatsapp": 0}
            if wizard.wallet_id and amount > 0:
                quote = wizard.wallet_id._quote_topup(amount)
                wizard.tax_amount, wizard.total_amount = quote.tax, quote.total
                minutes = wizard.wallet_id._estimate_minutes(amount)
            wizard.live_minutes, wizard.whatsapp_minutes = minutes["live"], minutes["whatsapp"]

    def action_request_invoice(self):
        """Order the top-up and open its invoice.

        :raise UserError: as ``call.wallet.create_topup``
        """
        self.ensure_one()
        if not self.amount:
            if self.has_packages:
                raise UserError(self.env._("Amount: choose a package or enter another amount."))
            raise UserError(self.env._("Amount: enter the amount to add."))
        if not self.topup_id:
            self.topup_id = self.wallet_id.create_topup(
                self.amount, accept_terms=self.accept_terms, request_key=f"dialog-{self.id}"
            )
            if self.use_outstanding_credit and self.outstanding_credit:
                self.topup_id.apply_outstanding_credit()
        return self.topup_id.action_open_invoice()
