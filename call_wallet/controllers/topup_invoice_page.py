from odoo.addons.account_payment.controllers.portal import PortalAccount
from odoo.http import request, route

from ..tools.fields import ZERO, parse_amount
from ..tools.headers import forbid_storing
from .topup_payment import hide_saving


class CallWalletInvoicePage(PortalAccount):
    """Odoo's pages of one invoice and of all overdue, where they are of top-ups; all others are left alone."""

    @route()
    def portal_my_invoice_detail(self, invoice_id, access_token=None, report_type=None, download=False, **kw):
        """Show or download an invoice; no cache keeps a top-up's."""
        invoice = request.env["account.move"].sudo().browse(invoice_id).exists()
        if (invoice | invoice.reversed_entry_id).call_wallet_topup_ids:
            forbid_storing()
        return super().portal_my_invoice_detail(
            invoice_id, access_token=access_token, report_type=report_type, download=download, **kw
        )

    def _invoice_get_page_view_values(self, invoice, access_token, payment=False, amount=None, **kwargs):
        """Tell the payment form, by the context, that it pays a top-up, which not every provider may do.

        The wallet's owners are also offered the cards that their company has saved.
        """
        wallet = invoice.sudo().call_wallet_topup_ids.wallet_id
        if wallet:
            is_owner = request.env.user in wallet.current_owner_ids
            request.update_context(call_wallet_topup=True, call_wallet_cards_of=wallet.ids if is_owner else [])
        values = super()._invoice_get_page_view_values(invoice, access_token, payment=payment, amount=amount, **kwargs)
        if wallet and "providers_sudo" in values:
            hide_saving(values, invoice, values["providers_sudo"])
            values["submit_button_label"] = self._call_wallet_pay_label(invoice)
        return values

    def _overdue_invoices_get_page_view_values(self, overdue_invoices, **kwargs):
        """Offer for overdue invoices, if a top-up's is among them, only what the server takes for it."""
        if overdue_invoices.sudo().call_wallet_topup_ids:
            forbid_storing()
            request.update_context(call_wallet_topup=True)
        values = super()._overdue_invoices_get_page_view_values(overdue_invoices, **kwargs)
        if "providers_sudo" in values:
            hide_saving(values, overdue_invoices, values["providers_sudo"])
            if overdue_invoices.sudo().call_wallet_topup_ids:
                values["submit_button_label"] = self._call_wallet_pay_label(overdue_invoices)
        return values

    def _call_wallet_pay_label(self, invoices):
        """Return the text of the button that pays invoices, with what the server takes: all that is left to pay."""
        wallet = invoices.sudo().call_wallet_topup_ids.wallet_id[:1]
        due = sum((parse_amount(invoice.amount_residual) for invoice in invoices), ZERO)
        return request.env._("Pay %s", wallet._format_amount(due))
