from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ...const import FINANCE
from ...tools.ask import ask
from ...tools.door import door
from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.rights import as_superuser

TOPUP_STATES = [
    ("pending", "Pending"),
    ("partial", "Partly Paid"),
    ("paid", "Paid"),
    ("paid_back", "Paid Back"),
    ("settled", "Settled Without Funds"),
    ("released", "Released"),
    ("cancelled", "Cancelled"),
]

# Closed: nothing is left to pay, though nothing was received; what settled it is finance's business.
INVOICE_STATUSES = [("paid", "Paid"), ("pending", "Pending"), ("closed", "Closed"), ("cancelled", "Cancelled")]


class CallWalletTopup(models.Model):
    """An order for funds: the amount, the terms accepted with it, its invoice and its credit.

    Amounts are in the wallet's currency. ``amount`` is net of tax: what reaches the wallet
    when the invoice is paid. Times are UTC.
    """

    _name = "call.wallet.topup"
    _description = "Call Wallet Top-up"
    _order = "accepted_at desc, id desc"

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
    terms_lang = fields.Char(
        "Language of the Terms", readonly=True, copy=False, help="The code of the language in which they were shown."
    )
    terms_language = fields.Char("Terms Shown In", compute="_compute_terms_language")
    terms_fingerprint = fields.Char(
        "Fingerprint of the Accepted Text", readonly=True, copy=False, help="SHA-256 of the text in that language."
    )
    terms_body = fields.Html("Accepted Text", compute="_compute_terms_body")
    accepted_at = fields.Datetime("Terms Accepted At", readonly=True)
    # Whoever ordered is a person; their address and browser are for a dispute, and no colleague's business.
    accepted_from = fields.Char(readonly=True, groups=FINANCE, help="The network address it was accepted from.")
    accepted_with = fields.Char(readonly=True, groups=FINANCE, help="The browser it was accepted with.")
    request_key = fields.Char(readonly=True, copy=False, help="The same key orders once.")
    transaction_ids = fields.One2many("call.wallet.transaction", "topup_id", readonly=True)
    release_move_ids = fields.One2many("account.move", "call_wallet_released_topup_id", readonly=True)
    partner_id = fields.Many2one(related="wallet_id.partner_id", store=True, index=True)
    company_id = fields.Many2one(related="wallet_id.company_id", store=True)
    currency_id = fields.Many2one(related="wallet_id.currency_id", store=True)
    tz = fields.Selection(related="wallet_id.tz")
    receipt_url = fields.Char(
        "Receipt",
        compute="_compute_receipt_url",
        help="The payment provider's own receipt, else the address of Odoo's payment receipt; empty while nothing "
        "was received, or where a bank statement alone shows it.",
    )
    outstanding_credit = Amount(
        compute="_compute_outstanding_credit", help="What the customer has paid and not used for any invoice."
    )

    # The few that are awaited, among all that were ever ordered.
    _awaited = models.Index("(wallet_id) WHERE state IN ('pending', 'partial')")
    _request_key_unique = models.UniqueIndex("(wallet_id, request_key)", "This top-up was ordered already.")
    _amount_positive = models.Constraint("CHECK(amount > 0)", "Amount: use more than zero.")
    _credited_within = models.Constraint(
        "CHECK(credited_amount BETWEEN 0 AND amount)", "A top-up is credited with its amount at most."
    )

    @api.depends("invoice_id.name", "wallet_id")
    def _compute_display_name(self):
        for topup in self:
            topup.display_name = topup.sudo().invoice_id.name or self.env._("Top-up %s", topup.id)

    @api.depends("terms_lang")
    def _compute_terms_language(self):
        """Name the language; its code where it was removed since."""
        langs = self.env["res.lang"].sudo().with_context(active_test=False)
        names = {lang.code: lang.name for lang in langs.search([("code", "in", self.mapped("terms_lang"))])}
        for topup in self:
            topup.terms_language = names.get(topup.terms_lang, topup.terms_lang)

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
        "release_move_ids.state",
        "release_move_ids.reversal_move_ids.state",
    )
    def _compute_state(self):
        for topup in self:
            topup.state = topup.sudo()._state()

    def _state(self):
        invoice = self.invoice_id
        # Paid with less: after a credit note, or where a rest was written off.
        is_settled = invoice.payment_state in ("paid", "in_payment")
        # Odoo calls an invoice reversed that a credit note of another one has paid.
        is_reversed = invoice.payment_state == "reversed"
        if invoice.state == "cancel" or (is_reversed and not self.credited_amount):
            return "cancelled"
        if self.credited_amount:
            return "paid" if is_settled or is_reversed or self.credited_amount == self.amount else "partial"
        if self._released() and not invoice.amount_residual:
            return "released"
        if not is_settled:
            return "pending"
        if self._credit_notes():
            return "paid_back"
        return "settled" if self._is_settled_otherwise() else "pending"

    def _is_settled_otherwise(self):
        """Tell whether the invoice was settled by something that is no money.

        A payment that bounced, or whose day is still to come, is awaited.
        """
        received, other = self._settled()
        return bool(other) and not received and not self.invoice_id._call_wallet_lost_payment()

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

    # === CANCELLING === #

    def cancel_order(self):
        """Cancel an order that nothing was received for.

        Its invoice is cancelled. Where that stands, because its journal is secured by a hash or its period is locked,
        a credit note over all of it is posted, today or on the first open day after.

        :return: the credit note; empty where the invoice itself was cancelled, now or before
        :raise UserError: something was received, or a payment is being processed
        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE)
        topup = as_superuser(self)
        with door(self.env):
            topup._lock_for_payback()
            note = topup._cancel_unpaid()
        return note.with_env(self.env)

    def action_ask_cancel_order(self):
        """Ask whether the order is to be cancelled: which invoice, over how much, and what becomes of it.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE)
        invoice, _ = self.sudo().invoice_id, self.env._
        values = {"invoice": invoice.name, "total": self.wallet_id._format_exactly(parse_amount(invoice.amount_total))}
        if invoice._call_wallet_stands():
            question = _(
                "A credit note over %(total)s is posted for invoice %(invoice)s, which cannot be cancelled.", **values
            )
        else:
            question = _("Invoice %(invoice)s over %(total)s is cancelled. Nothing was received for it.", **values)
        return ask(
            self,
            "action_cancel_order",
            title=_("Cancel the order %s?", invoice.name),
            question=question,
            answer=_("Cancel Order"),
            keep=_("Keep Order"),
        )

    def action_cancel_order(self):
        """Cancel, and stay on the form.

        :raise UserError: as ``cancel_order``
        :raise AccessError: not finance staff
        """
        self.cancel_order()
        return True

    def _cancel_unpaid(self):
        """Cancel the invoice, or credit all of it where it stands; return the credit note."""
        invoice = self.invoice_id
        if self.state == "cancelled":
            return invoice.browse()
        if self.state != "pending" or self._received() or self.unfunded_amount or self._released():
            raise UserError(
                self.env._(
                    "%s: something was received or settled for it. Pay back what was received, or decide on what was "
                    "settled without funds; what was released is over.",
                    self.display_name,
                )
            )
        invoice._call_wallet_refuse_while_paying()
        if not invoice._call_wallet_stands():
            invoice.button_cancel()
            return invoice.browse()
        _ = self.with_context(lang=self.partner_id._call_wallet_lang(self.company_id)).env._
        return invoice._call_wallet_reverse_on_open_day(
            ref=_("%s, order cancelled", invoice.name), invoice_payment_term_id=False
        )

    # === THE INVOICE === #

    def _create_invoice(self):
        self.ensure_one()
        self = self.with_context(lang=self.partner_id._call_wallet_lang())
        invoices = self.env["account.move"].with_company(self.company_id)
        self.invoice_id = invoices.with_context(default_move_type="out_invoice").create(self._prepare_invoice_vals())
        self.invoice_id.action_post()

    def _mail_invoice(self):
        """Have Odoo mail the invoice in the background, where the company wants that.

        It is noted on the invoice, in the order's own transaction, and taken off when it was mailed: nothing mails it
        twice. Odoo tells the author of mails that failed, so that is a colleague and no customer.
        """
        if not self.company_id.call_wallet_mail_invoices:
            return
        user = self.requested_by_id
        author = user if user._is_internal() else self.wallet_id.account_manager_id or self.env.ref("base.user_root")
        self.invoice_id.sending_data = {"author_user_id": author.id, "author_partner_id": author.partner_id.id}
        self.env.ref("account.ir_cron_account_move_send").sudo()._trigger()

    def _prepare_invoice_vals(self):
        wallet = self.wallet_id
        term = self.partner_id.with_company(self.company_id).property_payment_term_id
        return {
            "move_type": "out_invoice",
            "company_id": self.company_id.id,
            "partner_id": self.partner_id.id,
            "currency_id": self.currency_id.id,
            "invoice_date": self.company_id._call_wallet_today(),
            # A discount for paying early would be taken off the funds received; funds are not bought by instalments.
            "invoice_payment_term_id": False if term.early_discount or len(term.line_ids) > 1 else term.id,
            "invoice_origin": wallet.account_ref,
            "invoice_user_id": wallet.account_manager_id.id,
            "narration": self.env._(
                "Prepaid balance for call wallet %(account)s. Funds are invoiced and non-refundable "
                "(terms of agreement, version %(version)s).",
                account=wallet.account_ref,
                version=self.terms_id.version,
            ),
            "invoice_line_ids": [Command.create(self._prepare_invoice_line_vals())],
        }

    @api.depends("terms_id", "terms_lang")
    def _compute_terms_body(self):
        for topup in self:
            topup.terms_body = topup.terms_id and topup.terms_id._text_in(topup.terms_lang)

    def _prepare_invoice_line_vals(self):
        product = self.env.ref("call_wallet.product_topup")
        quote = self.wallet_id._quote_topup(self.amount)
        return {
            "product_id": product.id,
            "name": self.env._("Call wallet %s: prepaid balance", self.wallet_id.account_ref),
            "quantity": 1,
            "price_unit": float(quote.price),
            "account_id": self.company_id._call_wallet_deposit_account().id,
            "call_wallet_id": self.wallet_id.id,
            "tax_ids": [Command.set(quote.taxes.ids)],
        }

    # === RECEIPT === #
    # What shows that a top-up was paid, and what is left of it to pay.

    def _compute_receipt_url(self):
        for topup in self:
            own = topup._provider_receipt()
            path = f"/my/billing/{topup.wallet_id.id}/receipt/{topup.id}"
            topup.receipt_url = own or (topup._receipt_payments() and path) or False

    def _provider_receipt(self):
        """Return the address of the provider's receipt of the last payment that it received."""
        done = self.sudo().invoice_id.transaction_ids.filtered(
            lambda transaction: transaction.state == "done" and transaction.operation != "refund"
        )
        last = done.sorted("id")[-1:]
        return last["call_wallet_receipt_url"] if "call_wallet_receipt_url" in last._fields else False

    def _receipt_payments(self):
        """Return the payments of which Odoo prints a receipt."""
        payments = self.sudo().invoice_id.reconciled_payment_ids
        return payments.filtered(lambda payment: payment.state in ("in_process", "paid"))

    # === OUTSTANDING CREDIT === #
    # What a customer has paid too much pays for the next top-up.

    @api.depends("wallet_id")
    def _compute_outstanding_credit(self):
        for topup in self:
            is_open = topup.missing_amount > 0
            topup.outstanding_credit = topup.wallet_id._outstanding_credit() if is_open else ZERO

    def apply_outstanding_credit(self):
        """Pay the top-up with what the customer has paid too much before.

        :return: Decimal, what was applied, tax included, in the wallet's currency
        :raise UserError: a payment of the invoice is being processed
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE, owner=True)
        topup = as_superuser(self)
        with door(self.env):
            topup._lock_outstanding()
            before = topup.missing_amount
            if before and topup.invoice_id.transaction_ids.filtered("call_wallet_is_under_way"):
                raise UserError(topup.invoice_id._call_wallet_not_payable())
            for item in topup.wallet_id._outstanding_items():
                if topup.missing_amount > 0:
                    topup.invoice_id.js_assign_outstanding_line(item.id)
            self.env.flush_all()
            self.env.invalidate_all()
            return before - topup.missing_amount

    def _lock_outstanding(self):
        """Keep others off the credit and the invoice: of two top-ups at once, the second sees what is left."""
        items = self.wallet_id._outstanding_items() | self.invoice_id.line_ids
        self.env.cr.execute("SELECT FROM account_move_line WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [items.ids])
        self.env.invalidate_all()

    def action_apply_outstanding_credit(self):
        """Apply, and stay on the form."""
        self.apply_outstanding_credit()
        return True

    # === FROM DOCUMENTS TO TOP-UPS AND BACK === #

    def action_open_payments(self):
        """Open the payments received on the top-up's invoice, those taken back included.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE)
        payments = self.invoice_id._get_reconciled_payments() | self.invoice_id.matched_payment_ids
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Payments of %s", self.display_name),
            "res_model": "account.payment",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", payments.ids)],
            "context": {"create": False},
        }

    def action_open_items(self):
        """Open the journal items of the top-up's invoice and of its credit notes.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE)
        moves = self.invoice_id | self.invoice_id.reversal_move_ids
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Journal Items of %s", self.display_name),
            "res_model": "account.move.line",
            "views": [(self.env.ref("account.view_move_line_tree").id, "list"), (False, "form")],
            "domain": [("move_id", "in", moves.ids)],
            "context": {"create": False},
        }

    def action_send_invoice(self):
        """Open Odoo's dialog that mails the invoice; the mail leads to the page where what is missing is paid.

        :raise AccessError: not finance staff
        :raise UserError: the invoice cannot be sent; says why
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE)
        return self.invoice_id.action_send_and_print()

    def action_send_payment_link(self):
        """Open a mail to the customer with the link by which the invoice is paid without signing in.

        The link is Odoo's own payment link. The mail stands in the invoice's chatter when it is sent.

        :raise AccessError: not finance staff
        :raise UserError: nothing is left to pay
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE)
        if self.missing_amount <= 0:
            raise UserError(self.env._("%s: nothing is left to pay.", self.display_name))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send Payment Link"),
            "res_model": "mail.compose.message",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_model": "account.move",
                "default_res_ids": self.invoice_id.ids,
                "default_composition_mode": "comment",
                "default_template_id": self.env.ref("call_wallet.mail_template_payment_link").id,
                "default_email_layout_xmlid": "call_wallet.mail_layout",
                "force_email": True,
            },
        }

    def _invoice_contact(self):
        """Return whom the invoice is mailed to: the wallet's billing e-mail, or else the customer."""
        wallet = self.sudo().wallet_id
        return wallet._billing_contact() if wallet.billing_email else self.partner_id
