from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo import api, models

from ..clock import now, utcnow
from ..fields import ZERO, parse_amount
from .call_wallet_auto_topup import COUNTED, OPEN

COOL_DOWN = timedelta(minutes=15)
DAY = timedelta(hours=24)
SUCCESSES_A_DAY = 3


class Decision(NamedTuple):
    """Charge ``amount`` (net of tax; ``total`` with it), or why not and not before when."""

    reason: str = None
    until: datetime = None
    amount: Decimal = ZERO
    total: Decimal = ZERO


class CallWalletAutoTopupDecide(models.Model):
    """Whether a wallet's saved card is to be charged now, and with how much."""

    _inherit = "call.wallet"

    @api.model
    def _auto_topup_candidates(self):
        """Return the wallets below their level: {wallet id: (waiting because, until)}.

        By the index of the wallets that have it switched on; the ledger is not touched.
        """
        self.env.flush_all()
        self.env.cr.execute(CANDIDATES)
        return {wallet_id: (code, until) for wallet_id, code, until in self.env.cr.fetchall()}

    def _auto_topup_decide(self, by_hand=False):
        """Decide for one wallet, which the caller has locked.

        :param by_hand: a person asks, whatever the balance and the last decline
        :return: ``Decision``; None where the balance is not below the level after all
        """
        self.ensure_one()
        pending = self._auto_topup_pending()
        is_low = self.available_balance + pending < self.auto_topup_level
        if not (by_hand or is_low or self.available_balance < self.auto_topup_level):
            return None
        token = self.auto_topup_token_id
        if not token.active or token.provider_id.state == "disabled":
            return Decision("card_removed")
        if token._call_wallet_has_expired(self._today()):
            return Decision("card_expired")
        if not self.is_set_up:
            return Decision("not_set_up")
        if self.is_paused_by_hand:
            return Decision("paused")
        if not (is_low or by_hand) or self._auto_topups("state", OPEN):
            return Decision("payment_in_progress")
        return self._auto_topup_wait(by_hand) or self._auto_topup_size(pending)

    def _auto_topup_wait(self, by_hand):
        """Return for which earlier attempts nothing is charged yet."""
        moment = utcnow()
        recent = self._auto_topups("state", ("done",)).filtered(lambda done: done.finished_at > moment - DAY)
        if recent and recent[0].finished_at + COOL_DOWN > moment:
            return Decision("cool_down", recent[0].finished_at + COOL_DOWN)
        if len(recent) >= SUCCESSES_A_DAY:
            return Decision("daily_limit", recent[SUCCESSES_A_DAY - 1].finished_at + DAY)
        if not by_hand and self.auto_topup_wait_code == "backing_off" and self.auto_topup_wait_until > moment:
            return Decision("backing_off", self.auto_topup_wait_until)

    def _auto_topup_size(self, pending):
        """Return one charge sized to the need: the set amount, or what brings the balance to the level.

        Never more than the company's largest top-up, nor than the cap leaves; never less than
        the set amount.
        """
        left = self._auto_topup_cap() - self._auto_topup_charged_this_month()
        need = cents(self.auto_topup_level - self.available_balance - pending, self.currency_id, ROUND_CEILING)
        wanted = min(max(self.auto_topup_amount, need), self.company_id.call_wallet_topup_max)
        total = self._quote_topup(wanted).total
        if total > left:
            # As much of it as the cap leaves, if that is not less than was agreed to.
            wanted = cents(max(left, ZERO) * wanted / total, self.currency_id, ROUND_FLOOR)
            wanted = max(wanted, self.auto_topup_amount)
            total = self._quote_topup(wanted).total
        if total > left and wanted != self.auto_topup_amount:
            wanted = self.auto_topup_amount
            total = self._quote_topup(wanted).total
        if total > left:
            return Decision("cap_reached", self._auto_topup_month_begins(1))
        return Decision(amount=parse_amount(wanted), total=parse_amount(total))

    # === WHAT IT RESTS ON === #

    def _auto_topups(self, field, values):
        return self.env["call.wallet.auto.topup"].search([("wallet_id", "=", self.id), (field, "in", values)])

    def _auto_topup_pending(self):
        """Return what top-ups will add whose payment is under way: somebody is paying, or the bank is.

        Bank transfers do not count: they take days, and may never come.
        """
        self.env.flush_all()
        self.env.cr.execute(PENDING, [self.id])
        return parse_amount(self.env.cr.fetchone()[0])

    def _auto_topup_cap(self):
        return min(self.auto_topup_monthly_cap, self.company_id.sudo().call_wallet_auto_topup_max)

    def _auto_topup_charged_this_month(self):
        """Return what was charged in this calendar month of the wallet's time zone, or is about to be."""
        attempts = self.env["call.wallet.auto.topup"].sudo()
        [(total,)] = attempts._read_group(
            [
                ("wallet_id", "=", self.id),
                ("state", "in", COUNTED),
                ("date", ">=", self._auto_topup_month_begins(0)),
            ],
            [],
            ["total_amount:sum"],
        )
        return parse_amount(total)

    def _auto_topup_month_begins(self, ahead):
        """Return when this month (or the next: 1) begins where the wallet is, naive UTC."""
        local = now().astimezone(ZoneInfo(self.tz))
        months = local.year * 12 + local.month - 1 + ahead
        begins = datetime(months // 12, months % 12 + 1, 1, tzinfo=ZoneInfo(self.tz))
        return begins.astimezone(UTC).replace(tzinfo=None)


def cents(amount, currency, rounding):
    return amount.quantize(Decimal(1).scaleb(-currency.decimal_places), rounding)


CANDIDATES = """
    SELECT w.id, w.auto_topup_wait_code, w.auto_topup_wait_until
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
     WHERE w.auto_topup_state = 'on' AND w.active
       AND b.balance - b.held_amount < w.auto_topup_level
     ORDER BY w.id
"""
PENDING = """
    SELECT COALESCE(sum(t.amount - t.credited_amount), 0)::text
      FROM call_wallet_topup t
     WHERE t.wallet_id = %s AND t.state IN ('pending', 'partial')
       AND EXISTS (
           SELECT FROM account_invoice_transaction_rel r
             JOIN payment_transaction x ON x.id = r.transaction_id
             JOIN payment_provider p ON p.id = x.provider_id
            WHERE r.invoice_id = t.invoice_id AND p.code NOT IN ('none', 'custom')
              AND (x.state IN ('pending', 'authorized')
                   OR x.state = 'done' AND x.is_post_processed IS NOT TRUE
                   OR x.state IN ('draft', 'done')
                      AND x.last_state_change > now() AT TIME ZONE 'UTC' - interval '15 minutes')
           )
"""
