from odoo import models
from odoo.exceptions import UserError, ValidationError

from ..door import door
from ..fields import parse_amount
from .call_wallet import ACCOUNT_MANAGER


class CallWalletNotifications(models.Model):
    """Who is told when the balance runs low, and from which balance on."""

    _inherit = "call.wallet"

    def set_low_balance_threshold(self, amount):
        """Set the balance below which the recipients are told, and the banner is shown.

        :param amount: in the wallet's currency, zero or more, up to 6 places: str, int or Decimal
        :raise UserError: not an amount, or negative
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._as(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        amount = wallet._check_threshold(amount)
        with door(self.env):
            wallet.low_balance_threshold = amount
        return True

    def set_notifications(self, emails, threshold, monthly_statement=None):
        """Replace the recipients and the threshold, both or neither.

        :param list[str] emails: see ``set_recipients``
        :param threshold: see ``set_low_balance_threshold``
        :param bool monthly_statement: whether the recipients get the monthly statement; None: as it is
        :raise UserError: a bad or repeated address, or a bad threshold; nothing is changed then
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._as(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        threshold = wallet._check_threshold(threshold)
        with door(self.env):
            if sorted(emails) != sorted(wallet.recipient_ids.mapped("email")):
                wallet._replace_recipients(emails)
            if threshold != wallet.low_balance_threshold:
                wallet.low_balance_threshold = threshold
            if monthly_statement is not None and monthly_statement != wallet.monthly_statement:
                wallet.monthly_statement = monthly_statement
        return True

    def _check_threshold(self, amount):
        if isinstance(amount, bool) or amount in (None, ""):
            raise UserError(self.env._("Threshold: enter an amount, zero or more."))
        amount = parse_amount(amount, self.env._("Threshold"), self.env)
        if amount < 0:
            raise UserError(self.env._("Threshold: enter an amount, zero or more."))
        return amount

    def _recipient_problems(self, emails):
        """Return {address: what is wrong with it} of a list that somebody typed."""
        problems, seen = {}, set()
        for email in emails:
            try:
                known = self.env["call.wallet.recipient"]._normalise(email)
            except ValidationError as error:
                problems[email] = str(error)
                continue
            if known in seen:
                problems[email] = self.env._("%s is in the list more than once.", known)
            seen.add(known)
        return problems
