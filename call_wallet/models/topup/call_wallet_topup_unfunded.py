from decimal import Decimal

from odoo import Command, fields, models
from odoo.exceptions import UserError

from ...const import FINANCE_MANAGER
from ...tools.door import door
from ...tools.fields import ZERO, Amount, parse_amount, parse_reason
from ...tools.money import unit_of
from ...tools.rights import as_superuser
from ...tools.sentence import telling
from ...tools.task import in_company_language

WRITTEN_OFF_TO = ("expense", "expense_other", "expense_direct_cost", "income", "income_other")


class CallWalletTopupUnfunded(models.Model):
    """Top-ups whose invoice was settled by something that is no money, such as a write-off or a set-off.

    Nobody will pay what is missing, and nobody is owed it. A finance manager decides what it is: received all the
    same, which credits the wallet, or lost, which takes it off the deposits.
    """

    _inherit = "call.wallet.topup"

    counted_amount = Amount(
        "Counted as Received",
        readonly=True,
        copy=False,
        default=0,
        help="What a finance manager counted as received, of what was settled without money; tax included.",
    )
    counted_on = fields.Date(
        readonly=True,
        copy=False,
        help="The company's day on which it was counted, or last added to. Reconciliations of earlier days leave it "
        "out: it was settled without funds then.",
    )
    unfunded_amount = Amount(
        "Settled Without Funds",
        compute="_compute_unfunded_amount",
        help="Net of tax: settled on the invoice by something that is no money, and neither credited nor released.",
    )

    def _compute_unfunded_amount(self):
        for topup in self:
            topup.unfunded_amount = topup.sudo()._unfunded()

    def _unfunded(self):
        """Return what was settled without money, net of tax, and neither credited nor released (Decimal)."""
        invoice = self.invoice_id
        # In lists most are credited in full, or wait for any money at all.
        if invoice.state != "posted" or invoice.payment_state == "not_paid":
            return ZERO
        funds = invoice._call_wallet_net()
        released = self._released()
        gap = max(funds - self._credit_notes() - released, ZERO) - self.credited_amount
        if gap <= 0:
            return ZERO
        received, settled = self._settled()
        # If the invoice's price was raised and paid, the part above the order is not credited.
        unfunded = self._to_net(settled) + max(min(funds, self._to_net(received)) - self.amount, ZERO)
        unfunded = max(unfunded - released, ZERO)
        # Net parts are rounded one by one; together they may miss the whole by a coin.
        is_all = unfunded and abs(gap - unfunded) <= unit_of(self.currency_id)
        return gap if is_all else min(gap, unfunded)

    def _forget_counted(self):
        """Forget what was counted as received of a settlement that is undone: it says nothing of the next one."""
        if self.counted_amount:
            _received, other = self._settled_by_kind()
            if other < self.counted_amount:
                self.counted_amount = other

    def _released(self):
        """Return what posted entries have taken off the deposits because it was settled without funds."""
        return sum(self._release_entries().mapped("call_wallet_released"), ZERO)

    def _release_entries(self):
        """Return the posted entries that release something and have not been reversed."""
        return self.release_move_ids.filtered(
            lambda move: move.state == "posted" and "posted" not in move.reversal_move_ids.mapped("state")
        )

    def _report_paid_after_release(self):
        """Tell finance of money that came after it was released: the wallet is credited when the entry is undone."""
        for topup in self.filtered(lambda topup: topup._release_entries()):
            kept = topup._received() - min(topup._sent_back(), topup._credit_notes())
            late = min(kept - topup.credited_amount, topup._released())
            if late > 0:
                told = topup.wallet_id._for_finance()
                _ = telling(told.env)
                told._tell_finance(
                    _("%s was paid after it was released", topup.display_name),
                    _(
                        "%(amount)s was received for it, and was not credited because it had been released. Reverse "
                        "%(entries)s, or reset it to draft: the wallet is credited then.",
                        amount=told._format_exactly(late),
                        entries=", ".join(topup._release_entries().mapped("name")),
                    ),
                    about=topup,
                )

    # === WHAT A FINANCE MANAGER DECIDES === #

    def action_open_settlement(self):
        """Ask whether what was settled without funds counts as received, or is released.

        :raise AccessError: not a finance manager
        """
        self.ensure_one()
        self.wallet_id._permitted(FINANCE_MANAGER)
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_settlement_wizard")
        return {**action, "context": {"default_topup_id": self.id}}

    def count_settlement(self, reason):
        """Count as received what was settled without money, such as by a set-off or a tax certificate.

        The wallet is credited with it, net of tax.

        :param str reason: kept with the wallet and the invoice
        :return: True
        :raise UserError: no reason, or nothing is settled without funds; or it is more than one person may refund,
            and nobody else has entered what settled it
        :raise AccessError: not a finance manager
        """
        topup, reason = self._check_settlement(reason)
        with door(self.env):
            unfunded = topup._lock_unfunded()
            if not self.env.su:
                topup._refuse_own_settlement(unfunded)
            _received, settled = topup._settled()
            topup.write(
                {
                    "counted_amount": topup.counted_amount + settled,
                    "counted_on": topup.company_id._call_wallet_today(),
                }
            )
            topup._sync()
            topup._log_settlement(
                in_company_language(topup).env._(
                    "%(topup)s: %(amount)s was settled without a payment and is counted as received: %(reason)s",
                    topup=topup.display_name,
                    amount=topup.wallet_id._format_exactly(unfunded),
                    reason=reason,
                )
            )
        return True

    def release_unfunded(self, reason):
        """Take what was settled without funds off the deposits: nobody is owed it.

        The deposit account is debited, and the account that was used for the write-off credited, or the one
        for breakage where there is none. What was released already is not released again.

        :param str reason: kept with the wallet, the invoice and the entry
        :return: the posted ``account.move``
        :raise UserError: no reason, or nothing is settled without funds
        :raise AccessError: not a finance manager
        """
        topup, reason = self._check_settlement(reason)
        with door(self.env):
            unfunded = topup._lock_unfunded()
            company = topup.company_id
            move = self.env["account.move"].sudo().with_company(company)
            move = move.create(topup._prepare_release_vals(unfunded, reason))
            move.action_post()
            topup._log_settlement(
                in_company_language(topup).env._(
                    "%(topup)s: %(amount)s was settled without a payment and is released by %(entry)s: %(reason)s",
                    topup=topup.display_name,
                    amount=topup.wallet_id._format_exactly(unfunded),
                    entry=move.name,
                    reason=reason,
                )
            )
        return move.with_env(self.env)

    def _check_settlement(self, reason):
        self.ensure_one()
        self.wallet_id._permitted(FINANCE_MANAGER)
        reason = parse_reason(reason)
        if not reason:
            raise UserError(self.env._("Reason: say what settled the invoice; it is kept with the wallet."))
        return as_superuser(self), reason

    def _refuse_own_settlement(self, amount):
        """Refuse to credit a wallet with what the user alone has entered, where a refund needed a second person."""
        company = self.company_id
        limit = company.call_wallet_refund_limit
        is_small = not limit or self.wallet_id._in_company_currency(amount) <= limit
        if not is_small and self._settling_entries().create_uid == self.env.user:
            raise UserError(
                self.env._(
                    "You entered yourself what settled this, and more than %s needs a second person: another finance "
                    "manager counts it as received.",
                    company.currency_id.with_env(self.env).format(float(limit)),
                )
            )

    def _lock_unfunded(self):
        """Keep others off the top-up; return what is settled without funds."""
        self._lock_for_payback()
        unfunded = self._unfunded()
        if not unfunded:
            raise UserError(self.env._("%s: nothing is settled without funds.", self.display_name))
        return unfunded

    def _log_settlement(self, text):
        """Keep the decision with the wallet and the invoice; the task that asked for it is done."""
        self.wallet_id.message_post(body=text)
        self.invoice_id.message_post(body=text)
        name = self.invoice_id.name
        self.wallet_id.sudo().activity_ids.filtered(lambda task: name in (task.summary or "").split()).unlink()

    # === THE ENTRY === #

    def _prepare_release_vals(self, amount, reason):
        company, invoice = self.company_id, self.invoice_id
        deposit = invoice._call_wallet_deposit_lines()[:1]
        account = deposit.account_id or company._call_wallet_deposit_account()
        value = self._release_value(amount, deposit)
        _ = self.with_context(lang=company.partner_id._call_wallet_lang(company)).env._
        label = _("%(invoice)s, settled without funds: %(reason)s", invoice=invoice.name, reason=reason)
        common = {
            "name": label,
            "partner_id": invoice.commercial_partner_id.id,
            "currency_id": self.currency_id.id,
        }
        debit = {"amount_currency": float(amount), "balance": float(value), "call_wallet_id": self.wallet_id.id}
        credit = {"amount_currency": float(-amount), "balance": float(-value)}
        return {
            "move_type": "entry",
            "company_id": company.id,
            "journal_id": company._call_wallet_setting("call_wallet_journal_id").id,
            "currency_id": self.currency_id.id,
            "date": company._call_wallet_today(),
            "ref": label,
            "call_wallet_released_topup_id": self.id,
            "call_wallet_released": amount,
            "call_wallet_released_value": value,
            "line_ids": [
                Command.create({**common, **debit, "account_id": account.id}),
                Command.create({**common, **credit, "account_id": self._release_account().id}),
            ],
        }

    def _release_value(self, amount, deposit):
        """Return the amount in the company's currency, at the rate of the invoice (Decimal).

        Of several parts, each rounded, the last is what is left of the invoice's.
        """
        if self.currency_id == self.company_id.currency_id or not deposit.amount_currency:
            return amount
        booked = Decimal(repr(deposit.balance)) / Decimal(repr(deposit.amount_currency))
        earlier = self._release_entries().line_ids.filtered("call_wallet_id")
        whole = self.company_id.currency_id.round(float((self._released() + amount) * booked))
        return parse_amount(whole) - parse_amount(sum(earlier.mapped("balance")))

    def _settling_entries(self):
        """Return the posted entries, no invoices or credit notes, that settled the invoice."""
        settled_by = self.invoice_id.line_ids.matched_credit_ids.credit_move_id.move_id
        return settled_by.filtered(lambda entry: entry.state == "posted" and not entry.is_invoice())

    def _release_account(self):
        """Return the account to which most of the invoice was written off, else that of breakage."""
        lines = self._settling_entries().line_ids
        lost = lines.filtered(lambda line: line.account_id.account_type in WRITTEN_OFF_TO)
        largest = lost.sorted("balance", reverse=True)[:1]
        return largest.account_id or self.company_id._call_wallet_setting("call_wallet_breakage_account_id")
