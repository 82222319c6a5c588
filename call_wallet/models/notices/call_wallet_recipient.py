import re
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

MAX_RECIPIENTS = 50

# One bare address with a complete domain. Odoo's own reading of addresses would find one in
# "jo doe@acme.com" and drop the rest, and mail somebody who was not meant.
ADDRESS = re.compile(r"""[^@\s<>()\[\]\\,;:"]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]""")


class CallWalletRecipient(models.Model):
    """An address that is told when a wallet runs low. One at least sets the wallet up."""

    _name = "call.wallet.recipient"
    _description = "Call Wallet Notification Recipient"
    _rec_name = "email"
    _order = "id"

    wallet_id = fields.Many2one("call.wallet", required=True, ondelete="cascade", index=True)
    email = fields.Char(required=True)

    _email_unique = models.UniqueIndex("(wallet_id, email)", "This address is already a recipient.")

    @api.model
    def _normalise(self, email):
        """Return the address in the form it is stored and compared.

        :raise ValidationError: not exactly one valid address
        """
        normalised = email.strip().lower() if isinstance(email, str) else ""
        if not (ADDRESS.fullmatch(normalised) and normalised.isprintable() and len(normalised) <= 254):
            raise ValidationError(
                self.env._(
                    "Notification recipient %(email)s is not a valid e-mail address; write it like name@company.com.",
                    email=repr(email or ""),
                )
            )
        return normalised

    @api.constrains("wallet_id")
    def _check_count(self):
        for wallet in self.wallet_id:
            if self.search_count([("wallet_id", "=", wallet.id)], limit=MAX_RECIPIENTS + 1) > MAX_RECIPIENTS:
                raise ValidationError(self.env._("Notification recipients: at most %s addresses.", MAX_RECIPIENTS))

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals["email"] = self._normalise(vals.get("email"))
        recipients = super().create(vals_list)
        recipients.wallet_id._refresh_set_up()
        return recipients

    def write(self, vals):
        """Change an address; it stays one of its wallet's.

        :raise UserError: another wallet, or not exactly one valid address
        """
        if any(recipient.wallet_id.id != vals.get("wallet_id", recipient.wallet_id.id) for recipient in self):
            raise UserError(self.env._("Notification recipient: it stays with its wallet; add it to the other one."))
        if "email" in vals:
            vals = dict(vals, email=self._normalise(vals["email"]))
        result = super().write(vals)
        self.wallet_id._refresh_set_up()
        return result

    @api.model
    def _tell_bounce(self, email):
        """Tell finance of an address of wallets that takes no mail; it stays, for that may pass."""
        known = ["|", ("recipient_ids.email", "=", email), ("billing_email", "=", email)]
        wallets = self.env["call.wallet"].sudo().search(known, order="id")
        for wallet in wallets:
            told = wallet._for_finance()
            why = told.env._("the mail server of the address sent it back")
            self.env["call.wallet.failure"]._beside("task", wallet, partial(told._tell_undelivered, email, why))

    def unlink(self):
        wallets, emails = self.wallet_id, tuple(f"/{email}" for email in self.mapped("email"))
        # What is noted of a mail that could not be written names the address.
        failures = self.env["call.wallet.failure"].sudo().search([("wallet_id", "in", wallets.ids)])
        failures.filtered(lambda failure: failure.action.endswith(emails)).unlink()
        result = super().unlink()
        wallets._refresh_set_up()
        return result
