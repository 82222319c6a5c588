import requests
from odoo import fields, models
from odoo.exceptions import ValidationError

# The provider was busy or broken, and may have charged all the same.
UNKNOWN = {408, 409, 425, 429}


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    call_wallet_decline_code = fields.Char("Decline Code", readonly=True, copy=False, help="As the provider names it.")
    call_wallet_needs_authentication = fields.Boolean(
        readonly=True, copy=False, help="The bank asks the card's owner to confirm the payment."
    )
    call_wallet_unanswered = fields.Boolean(
        readonly=True, copy=False, help="The provider did not answer: whether it charged is not known."
    )
    call_wallet_refused = fields.Boolean(
        readonly=True, copy=False, help="The provider refused the request itself, such as for its keys: no decline."
    )

    def _send_api_request(self, *args, **kwargs):
        """Tell a request without an answer from one that was refused, whatever the provider."""
        if not self._call_wallet_topups():
            return super()._send_api_request(*args, **kwargs)
        self.call_wallet_unanswered = False
        try:
            return super()._send_api_request(*args, **kwargs)
        except ValidationError as error:
            self.call_wallet_unanswered = is_unanswered(error.__context__)
            raise

    def _create_payment(self, **extra_create_values):
        """Date the payment of a top-up, or of its refund, on the company's day; not on that of whoever looks."""
        if self._call_wallet_topups():
            extra_create_values.setdefault("date", self.company_id._call_wallet_today())
        return super()._create_payment(**extra_create_values)

    def _call_wallet_follow_auto_topups(self):
        """Bring the automatic top-ups that these transactions are of to their results."""
        if not self._call_wallet_topups():
            return
        attempts = self.env["call.wallet.auto.topup"].sudo().search([("transaction_id", "in", self.ids)])
        attempts._follow()


def is_unanswered(error):
    """Return whether the request behind a provider's error may have been carried out."""
    if isinstance(error, requests.exceptions.HTTPError):
        return error.response.status_code in UNKNOWN or error.response.status_code >= 500
    return isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout))
