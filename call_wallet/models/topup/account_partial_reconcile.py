from odoo import api, models

from ...tools.sentence import telling


class AccountPartialReconcile(models.Model):
    """Every way of paying an invoice, and of un-paying it, goes through here."""

    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        topups = partials._call_wallet_topups()
        topups._sync()
        topups._report_paid_after_release()
        partials.sudo()._call_wallet_report_no_money()
        return partials

    def unlink(self):
        if not self:  # as for each line of a new entry, thousands of times
            return super().unlink()
        topups, payouts = self._call_wallet_topups(), self.sudo()._call_wallet_payouts()
        result = super().unlink()
        topups._sync()
        payouts._reopen()
        return result

    def _call_wallet_report_no_money(self):
        """Tell finance where Odoo calls a top-up paid, or reversed, and no money came by which to credit all of it.

        Such as a bank receipt that was typed in as a journal entry, the credit note of an unpaid invoice, or a
        payment of a part with the rest written off.
        """
        for partial in self.filtered(lambda partial: partial.debit_move_id.move_id.call_wallet_topup_ids):
            invoice, entry = partial.debit_move_id.move_id, partial.credit_move_id.move_id
            is_exchange = entry.journal_id == entry.company_id.currency_exchange_journal_id
            topup = invoice.call_wallet_topup_ids[:1]
            unfunded = topup.unfunded_amount
            if is_exchange or entry.reversed_entry_id == invoice or not unfunded:
                continue
            told = topup.wallet_id._for_finance()
            _ = telling(told.env)
            told._tell_finance(
                _("%s was settled without a payment", invoice.display_name),
                _(
                    "%(amount)s of the top-up was settled by %(entry)s without money, and was not credited. "
                    "A finance manager decides with Settled Without Funds… on the top-up: it counts as received and "
                    "the wallet is credited, or it is released and nobody is owed it.",
                    entry=entry.display_name,
                    amount=told._format_exactly(unfunded),
                ),
                about=topup,
            )

    def _call_wallet_topups(self):
        partials = self.sudo()
        # What is paid out on a credit note is no longer there for what it has paid besides.
        documents = partials.debit_move_id.move_id | partials.credit_move_id.move_id.reversed_entry_id
        return documents._call_wallet_fed().call_wallet_topup_ids
