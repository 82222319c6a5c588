from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import formatLang

from ..door import door
from ..fields import parse_amount
from .call_wallet import FINANCE


class CallWalletRefund(models.Model):
    """Refunds to the wallet: at once up to the company's limit, above it by two people."""

    _inherit = "call.wallet"

    refund_request_ids = fields.One2many("call.wallet.refund.request", "wallet_id", readonly=True)
    refund_request_count = fields.Integer("Refund Requests", compute="_compute_refund_request_count")
    refund_waiting_count = fields.Integer("Refunds to Approve", compute="_compute_refund_request_count")

    @api.depends("refund_request_ids.state")
    def _compute_refund_request_count(self):
        counts = {}
        if self.env.user.has_group(FINANCE) or self.env.su:
            counts = {
                (wallet, state): count
                for wallet, state, count in self.env["call.wallet.refund.request"]._read_group(
                    [("wallet_id", "in", self.ids)], ["wallet_id", "state"], ["__count"]
                )
            }
        for wallet in self:
            wallet.refund_waiting_count = counts.get((wallet, "waiting"), 0)
            wallet.refund_request_count = sum(count for (whose, _state), count in counts.items() if whose == wallet)

    def refund(self, amount, reason, usage=None, request_key=None):
        """Return funds to the wallet as an adjustment or correction.

        :param amount: in the wallet's currency, up to 6 places: str, int or Decimal
        :param str reason: shown in the ledger and the usage report
        :param usage: the ``call.usage`` it corrects (record or id); then never more than
            that call cost less what was refunded for it before
        :param str request_key: the same key is carried out once and returns the first result
        :return: the ``call.wallet.transaction``
        :raise UserError: amount or reason missing; above what the call cost; above the company's limit for one
            person (``request_refund`` asks for a second one); or the wallet is closed
        :raise AccessError: not finance staff
        """
        wallet = self._as(FINANCE)
        wallet.ensure_one()
        usage = wallet._to_usage(usage)
        with door(self.env):
            if not self.env.su:
                wallet._refuse_closed()
                wallet._refuse_alone(amount)
            return self.env["call.wallet.ledger"]._refund(wallet, amount, reason, usage, request_key)

    def request_refund(self, amount, reason, usage=None, request_key=None):
        """Ask a finance manager to approve a refund; the money moves when one does.

        :param amount: as ``refund``; any amount may be asked for
        :param str reason: as ``refund``
        :param usage: as ``refund``
        :param str request_key: the same key asks once and returns the first request
        :return: the ``call.wallet.refund.request``
        :raise UserError: amount or reason missing, above what the call cost, or the wallet is closed
        :raise AccessError: not finance staff
        """
        wallet = self._as(FINANCE)
        wallet.ensure_one()
        ledger = wallet.env["call.wallet.ledger"]
        usage = wallet._to_usage(usage)
        amount, reason = ledger._read_refund(amount, reason)
        requests = wallet.env["call.wallet.refund.request"]
        with door(self.env):
            ledger._lock(wallet.ids)
            wallet._refuse_closed()
            if usage:
                ledger._check_refundable(wallet, amount, usage)
            return requests._ask(wallet, amount, reason, usage, request_key).with_env(self.env)

    def _to_usage(self, usage):
        """Return the call that somebody names by its id or as a record; empty for none."""
        calls = self.env["call.usage"]
        if usage is None or usage is False:
            return calls
        if isinstance(usage, type(calls)):
            return usage
        if isinstance(usage, bool) or not isinstance(usage, int):
            raise UserError(self.env._("Call: send the id of one call of this wallet."))
        return calls.browse(usage)

    def _refund_limit(self):
        """Return what one person may refund, in the wallet's currency; zero: any amount."""
        company = self.company_id
        limit = company.call_wallet_refund_limit
        if self.currency_id == company.currency_id or not limit:
            return limit
        today = company._call_wallet_today()
        return parse_amount(company.currency_id._convert(float(limit), self.currency_id, company, today))

    def _needs_approval(self, amount):
        """Return whether a refund of ``amount`` is above what one person may give."""
        return bool(self.company_id.call_wallet_refund_limit) and amount > self._refund_limit()

    def _refuse_alone(self, amount):
        if self._needs_approval(parse_amount(amount, self.env._("Amount"), self.env)):
            raise UserError(
                self.env._(
                    "Amount: refunds above %(limit)s need a second person. Ask for approval with Refund… on the "
                    "wallet (request_refund in the API); a finance manager other than you decides.",
                    limit=formatLang(self.env, float(self._refund_limit()), currency_obj=self.currency_id),
                )
            )

    def _refuse_closed(self):
        if not self.active:
            raise UserError(self.env._("Wallet %s is closed. Reopen it first.", self.account_ref))

    def action_open_refund_requests(self):
        """Open the wallet's refunds that waited for a second person, or still do.

        :raise AccessError: not finance staff
        """
        self._as(FINANCE)
        return self._open_list("action_call_wallet_refund_request")
