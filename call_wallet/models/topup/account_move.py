from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...const import ACCOUNT_MANAGER, FINANCE_MANAGER
from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.rights import made_by_hand, refuse_typed
from ...tools.sentence import telling
from .call_wallet_topup import INVOICE_STATUSES

DOCUMENTS = ("out_invoice", "out_refund")


class AccountMove(models.Model):
    """Invoices and credit notes of top-ups: what they say of wallets' funds, and what they may not do to them."""

    _inherit = "account.move"

    call_wallet_topup_ids = fields.One2many("call.wallet.topup", "invoice_id", "Call Wallet Top-ups", readonly=True)
    call_wallet_status = fields.Selection(
        INVOICE_STATUSES,
        "Top-up Status",
        compute="_compute_call_wallet_status",
        help="How a top-up's invoice is shown to the customer; empty for a draft.",
    )
    call_wallet_billed_to = fields.Text(
        "Billed To", readonly=True, copy=False, help="Name, address and tax ID as they were when it was posted."
    )
    call_wallet_is_topup = fields.Boolean(compute="_compute_call_wallet_is_topup")
    call_wallet_total = fields.Char(
        "Balance of the Wallet", compute="_compute_call_wallet_total", groups=ACCOUNT_MANAGER
    )
    call_wallet_story = fields.Json(
        "Story of the Top-up",
        compute="_compute_call_wallet_story",
        groups=ACCOUNT_MANAGER,
        help="Of each top-up that the document is about: see ``call.wallet.topup``.",
    )
    call_wallet_paid_back = Amount(
        "Paid Back", readonly=True, copy=False, help="What this credit note takes from the wallet, net of tax."
    )
    call_wallet_released_topup_id = fields.Many2one(
        "call.wallet.topup",
        "Released Top-up",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="This entry takes off the deposits what was settled without funds on the top-up's invoice.",
    )
    call_wallet_released = Amount("Released", readonly=True, copy=False, help="In the wallet's currency, net of tax.")
    call_wallet_released_value = Amount("Released Value", readonly=True, copy=False, help="In the company's currency.")
    call_wallet_request_key = fields.Char(readonly=True, copy=False, help="The same key pays back once.")
    call_wallet_refund_ids = fields.Many2many(
        "payment.transaction",
        "call_wallet_refund_note_rel",
        "note_id",
        "transaction_id",
        "Refunds of a Top-up",
        readonly=True,
        copy=False,
    )

    _call_wallet_request_key_unique = models.UniqueIndex(
        "(call_wallet_request_key) WHERE call_wallet_request_key IS NOT NULL", "This was paid back already."
    )

    def _call_wallet_tell_not_mailed(self, why):
        """Give finance a task about a top-up's document that its customer has not received by mail.

        :param str why: the reason, in plain text
        """
        self.ensure_one()
        told = self.sudo().call_wallet_topup_ids.wallet_id._for_finance()
        _ = telling(told.env)
        told._tell_finance(
            _("%s was not mailed to the customer", self.name),
            _("%(why)s Mend the cause, then send it again by its own button, or hand it over another way.", why=why),
            about=self,
        )

    @api.depends("state", "payment_state", "call_wallet_topup_ids.state")
    def _compute_call_wallet_status(self):
        for move in self:
            is_reversed = move.payment_state == "reversed"
            credited = sum(move.sudo().call_wallet_topup_ids.mapped("credited_amount"), ZERO)
            if move.state == "cancel" or (is_reversed and not credited):
                move.call_wallet_status = "cancelled"
            elif move.state == "draft":
                move.call_wallet_status = False
            elif any(topup.state in ("settled", "released") for topup in move.sudo().call_wallet_topup_ids):
                move.call_wallet_status = "closed"
            else:
                is_paid = (
                    move.payment_state in ("paid", "in_payment", "reversed") and not move._call_wallet_lost_payment()
                )
                move.call_wallet_status = "paid" if is_paid else "pending"

    @api.model_create_multi
    def create(self, vals_list):
        """Make documents without what the addon keeps on them by itself.

        :raise AccessError: it was typed in
        """
        return super().create(made_by_hand(self, vals_list))

    def write(self, vals):
        """Keep what the wallets rest on, and bring top-ups to their level.

        A change of state can pay or un-pay a top-up without any reconciliation changing:
        a payment reset to draft, an invoice cancelled, a credit note posted.

        :raise UserError: a top-up's invoice would get another customer or currency, or be reset under a payment or a
            credit note; an entry of the posting would change
        :raise AccessError: what the addon keeps by itself was typed in
        """
        self._call_wallet_refuse_entry_change(vals)
        refuse_typed(self, vals)
        self._call_wallet_refuse_other(vals)
        if vals.get("state") in ("draft", "cancel"):
            self._call_wallet_refuse_while_paying()
            self._call_wallet_refuse_credited()
        result = super().write(vals)
        if "state" in vals:
            self._call_wallet_affected()._sync()
        if vals.get("state") in ("draft", "cancel"):
            self.sudo()._call_wallet_reopen_payouts()
        return result

    def _call_wallet_refuse_other(self, vals):
        fixed = {"partner_id", "currency_id"} & vals.keys()
        if not fixed:
            return
        for move in self.sudo():
            if move.call_wallet_topup_ids and any(move[name].id != vals[name] for name in fixed):
                raise UserError(
                    self.env._(
                        "%s is the invoice of a call wallet top-up: its customer and currency are the wallet's. "
                        "Cancel it and add the balance to another wallet instead.",
                        move.display_name,
                    )
                )

    def _call_wallet_lost_payment(self):
        """Tell whether a payment of this invoice has bounced: Odoo calls the invoice paid all the same."""
        topup = self.sudo().call_wallet_topup_ids
        if all(topup.mapped(lambda order: order.credited_amount >= order.amount)):
            return False
        payments = self.sudo()._get_reconciled_payments()
        return any(payment.state in ("draft", "rejected", "canceled") for payment in payments)

    def _call_wallet_refuse_while_paying(self):
        for move in self.sudo().filtered("call_wallet_topup_ids"):
            if move.transaction_ids.filtered("call_wallet_is_under_way"):
                raise UserError(
                    self.env._(
                        "A payment of %s is being processed. Wait for its result, then cancel; "
                        "what arrives is credited.",
                        move.display_name,
                    )
                )

    def _post(self, soft=True):
        """Odoo's hook for posting: check what documents do to wallets' funds, and note what they say of them.

        :raise UserError: a credit note would take back funds of a top-up that are used already, or more than are
            left; funds that no top-up would be credited with or lose; content that the wallet could not follow
        """
        documents = self.sudo()
        documents._call_wallet_note_wallets()
        documents._call_wallet_refuse_stray()
        documents._call_wallet_refuse_content(soft)
        documents._call_wallet_refuse_excess()
        if not (self.env.su or self.env.user.has_group(FINANCE_MANAGER)):
            self._call_wallet_refuse_spent()
        posted = super()._post(soft)
        posted.sudo()._call_wallet_keep_billed_to()
        return posted

    def _call_wallet_refuse_spent(self):
        taken = {}
        for note in self.sudo().filtered(lambda move: move.move_type == "out_refund"):
            for topup in note.reversed_entry_id.call_wallet_topup_ids:
                wallet = topup.wallet_id
                left = topup.amount - topup._credit_notes() - note._call_wallet_net()
                # Those posted together share what is available.
                available = wallet.available_balance - taken.get(wallet, ZERO)
                debit = topup.credited_amount - max(left, ZERO)
                if debit > available:
                    raise UserError(
                        self.env._(
                            "%(note)s takes back funds that are used already: %(left)s of the balance is available. "
                            "A finance manager may post it all the same.",
                            note=note.display_name,
                            left=wallet._format_exactly(available),
                        )
                    )
                taken[wallet] = taken.get(wallet, ZERO) + debit

    @api.ondelete(at_uninstall=False)
    def _call_wallet_refuse_topup(self):
        if self.sudo().call_wallet_topup_ids:
            raise UserError(self.env._("The invoice of a call wallet top-up is not deleted. Cancel it instead."))

    def _call_wallet_affected(self):
        """Return the top-ups whose invoice, credit note or payment is among these moves."""
        moves = self.sudo()
        paid = moves.line_ids.matched_debit_ids.debit_move_id.move_id
        sent_back = moves.line_ids.matched_credit_ids.credit_move_id.move_id.reversed_entry_id
        topups = (moves | moves.reversed_entry_id | paid | sent_back)._call_wallet_fed().call_wallet_topup_ids
        released = (moves | moves.reversed_entry_id).call_wallet_released_topup_id
        return topups | released

    def _call_wallet_fed(self):
        """Return these documents and those that their credit notes have paid: what is money there depends on here.

        Those may have credit notes of their own, which have paid others again.
        """
        found = new = self
        while new:
            new = new.reversal_move_ids.line_ids.matched_debit_ids.debit_move_id.move_id - found
            found |= new
        return found

    # === FUNDS ON DOCUMENTS === #
    # What a document says about a wallet's funds: by its own lines, beside which others may stand.
    #
    # An accountant may add a fee to a top-up's invoice, and credit that fee alone.

    def _call_wallet_net(self):
        """Return the funds on a top-up's invoice, or those that its credit note takes off, net of tax.

        :return: Decimal, in the document's currency
        """
        self.ensure_one()
        product = self._call_wallet_product()
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        own = lines & self._call_wallet_deposit_lines() | lines.filtered(lambda line: line.product_id == product)
        if own == lines:
            # Where taxes are rounded by document, the lines' own amounts may be a cent off.
            return parse_amount(self.amount_untaxed) - self._call_wallet_rounding()
        return sum((parse_amount(line.price_subtotal) for line in own), ZERO)

    def _call_wallet_note_wallets(self):
        """Note the wallet on what invoices and credit notes of top-ups add to the deposits or take off them."""
        for move in self:
            wallet = (move | move.reversed_entry_id).call_wallet_topup_ids.wallet_id
            if wallet:
                move._call_wallet_deposit_lines().call_wallet_id = wallet

    def _call_wallet_deposit_lines(self):
        deposits = self.company_id._call_wallet_deposit_accounts()
        return self.invoice_line_ids.filtered(lambda line: line.account_id in deposits)

    def _call_wallet_product(self):
        """Return the product of top-ups; empty where it was deleted by SQL: other entries can still be posted."""
        return self.env.ref("call_wallet.product_topup", raise_if_not_found=False) or self.env["product.product"]

    def _call_wallet_refuse_stray(self):
        """Refuse a document that would move no wallet: the copy of a top-up's invoice, the reversal of its credit note.

        :raise UserError: it has the top-ups' product, and no top-up would follow it
        """
        product = self._call_wallet_product()
        for move in self.filtered(lambda move: move.move_type in DOCUMENTS):
            topups = move.call_wallet_topup_ids
            if move.move_type == "out_refund":
                topups = move.reversed_entry_id.call_wallet_topup_ids
            if not topups and product in move.invoice_line_ids.product_id:
                raise UserError(
                    self.env._(
                        "%(move)s: no wallet would change by it. Funds are invoiced by Add Balance on the wallet, and "
                        "credited by Pay Back on the top-up or by a credit note on its invoice. To undo a credit "
                        "note, reset it to draft.",
                        move=move.display_name,
                    )
                )

    def _call_wallet_refuse_excess(self):
        """Refuse a credit note over more than is left of the invoice, such as a second one over the same funds.

        :raise UserError: says how much is left
        """
        noted = {}
        for note in self.filtered(lambda move: move.move_type == "out_refund"):
            for topup in note.reversed_entry_id.call_wallet_topup_ids:
                invoice = note.reversed_entry_id
                left = invoice._call_wallet_net() if invoice.state == "posted" else ZERO
                left -= topup._credit_notes() + topup._released() + noted.get(topup, ZERO)
                net = note._call_wallet_net()
                if net > left:
                    raise UserError(
                        self.env._(
                            "%(note)s credits %(net)s of %(invoice)s, of which %(left)s is left. Lower or delete it.",
                            note=note.display_name,
                            net=topup.wallet_id._format_exactly(net),
                            invoice=invoice.display_name,
                            left=topup.wallet_id._format_exactly(max(left, ZERO)),
                        )
                    )
                noted[topup] = noted.get(topup, ZERO) + net

    def _call_wallet_refuse_credited(self):
        """Refuse to reset or cancel an invoice that has credit notes: the customer would be owed their amount.

        :raise UserError: a top-up's invoice has credit notes
        """
        for move in self.sudo().filtered(lambda move: move.state == "posted" and move.call_wallet_topup_ids):
            released = move.call_wallet_topup_ids.release_move_ids
            notes = (move.reversal_move_ids | released).filtered(lambda note: note.state == "posted")
            if notes:
                raise UserError(
                    self.env._(
                        "%(invoice)s has credit notes or entries that release a part of it: %(notes)s. Reset "
                        "those to draft first.",
                        invoice=move.display_name,
                        notes=", ".join(notes.mapped("display_name")),
                    )
                )

    # === BILLED TO === #
    # A posted invoice keeps the billing information it was posted with.
    #
    # Odoo prints the customer's address of the day. Owners change theirs on the portal whenever
    # they like, and what was issued must not change with it.

    def _call_wallet_keep_billed_to(self):
        for move in self:
            if (move.call_wallet_topup_ids or move.reversed_entry_id.call_wallet_topup_ids) and move.partner_id:
                move.call_wallet_billed_to = move._call_wallet_billing_lines()

    def _call_wallet_billing_lines(self):
        partner = self.partner_id.with_context(lang=self.partner_id.lang)
        lines = [partner.commercial_company_name or partner.name]
        lines += partner._display_address(without_company=True).splitlines()
        if partner.vat:
            label = self.company_id.account_fiscal_country_id.vat_label or self.env._("Tax ID")
            lines.append(self.env._("%(label)s: %(number)s", label=label, number=partner.vat))
        return "\n".join(line.strip() for line in lines if line and line.strip())

    # === PAYING ONLINE === #
    # Whether, and by whom, a top-up's invoice can be paid online just now.

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
        if self._call_wallet_is_being_paid():
            return _("A payment of invoice %s is being processed. Wait for its result.", self.name)
        return False

    def _call_wallet_is_being_paid(self):
        """Tell whether a payment of this invoice is under way, so that nobody should begin another one."""
        return bool(self.sudo().transaction_ids.filtered("call_wallet_is_under_way"))

    def _call_wallet_payer(self, partner):
        """Return in whose name these invoices are paid: the user's own where the user belongs to the customer.

        Anybody else, such as finance staff on the customer's behalf, pays in the customer's name;
        otherwise the payment could not be matched with the invoice.

        :param partner: the user's partner
        """
        customer = self.partner_id[:1]
        return partner if partner.commercial_partner_id == customer.commercial_partner_id else customer

    # === FROM DOCUMENTS TO TOP-UPS AND BACK === #
    # From an invoice, a credit note or a payment's entry back to the top-up it is about.

    def _compute_call_wallet_is_topup(self):
        for move in self:
            move.call_wallet_is_topup = bool(move._call_wallet_related_topups())

    def _call_wallet_related_topups(self):
        """Return the top-ups that this is the invoice, a credit note or a payment of."""
        move = self.sudo()
        paid = move.line_ids.matched_debit_ids.debit_move_id.move_id
        return (move | move.reversed_entry_id | paid).call_wallet_topup_ids

    @api.depends_context("lang")
    def _compute_call_wallet_total(self):
        for move in self:
            wallets = move._call_wallet_related_topups().wallet_id.with_env(self.env)._filtered_access("read")
            move.call_wallet_total = " · ".join(wallet._format_amount(wallet.balance) for wallet in wallets)

    @api.depends_context("lang", "uid")
    def _compute_call_wallet_story(self):
        for move in self:
            topups = move._call_wallet_related_topups().with_env(self.env)._filtered_access("read")
            move.call_wallet_story = [topup._story() for topup in topups]

    def action_open_call_wallets(self):
        """Open the wallet that this document is about; several, which one payment may be about, in a list.

        :raise AccessError: not an account manager, or the document is not the user's to read
        """
        self.check_access("read")
        self.ensure_one()
        self.env["call.wallet"]._permitted(ACCOUNT_MANAGER)
        return self._call_wallet_related_topups().wallet_id.with_env(self.env)._action_open()

    def action_open_call_wallet_topups(self):
        """Open the top-up of this document: one on its form, several in a list."""
        self.check_access("read")
        self.ensure_one()
        topups = self._call_wallet_related_topups()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_topup")
        action.update(domain=[("id", "in", topups.ids)], context={"create": False})
        if len(topups) == 1:
            action.update(res_id=topups.id, views=[(False, "form")], view_mode="form")
        return action

    # === DOCUMENTS THAT STAND === #

    def _call_wallet_stands(self):
        """Return whether one of these cannot be reset: it is secured by a hash, or its period is locked."""
        return any(
            move.inalterable_hash
            or move.company_id._get_violated_lock_dates(move.date, bool(move.line_ids.tax_ids), move.journal_id)
            for move in self
        )

    def _call_wallet_reverse_on_open_day(self, **values):
        """Reverse this entry today, or on the first open day after; what it had paid is open again.

        :param values: of the counter-document
        """
        self.ensure_one()
        company, has_tax = self.company_id, bool(self.line_ids.tax_ids)
        date = company._call_wallet_open_day(company._call_wallet_today(), self.journal_id, has_tax)
        if self.is_invoice():
            values["invoice_date"] = date
        return self._reverse_moves([{"date": date, **values}], cancel=True)

    # === THE CREDIT NOTE === #

    def _call_wallet_funds_line(self):
        """Return the line by which funds are credited; a fee's may stand before it and have a product, too."""
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        own = lines.filtered(lambda line: line.product_id == self._call_wallet_product())
        return (own or lines & self._call_wallet_deposit_lines() or lines)[:1]
