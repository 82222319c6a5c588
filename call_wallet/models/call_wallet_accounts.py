from functools import lru_cache

from odoo import SUPERUSER_ID, api, models

from ..account import Account
from ..fields import parse_amount
from ..rating import Rate
from .call_wallet import PLATFORM


class CallRatePlanAccounts(models.Model):
    """How the platform's account references become wallets with their prices."""

    _inherit = "call.rate.plan"

    @api.model
    def _load_rated_wallets(self, refs, only_active=False):
        """Return {account reference: ``Account``} for those that exist.

        Only those of the user's companies, unless it is the platform's, which serves all.

        :param only_active: without closed wallets. No call starts on one, but a call that
            took place is charged wherever it was made.
        """
        if not refs:
            return {}
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT w.account_ref, w.id, cur.name, p.id, p.deck_version, co.call_wallet_whatsapp_rate::text,
                   co.call_wallet_hold_seconds
              FROM call_wallet w
              JOIN res_currency cur ON cur.id = w.currency_id
              JOIN res_company co ON co.id = w.company_id
              LEFT JOIN call_rate_plan p ON p.id = w.rate_plan_id
             WHERE w.account_ref = ANY(%s) AND (w.active OR NOT %s) AND (%s OR w.company_id = ANY(%s))
            """,
            [list(refs), only_active, *self._account_companies()],
        )
        accounts = {}
        for ref, wallet_id, currency, plan_id, version, whatsapp, hold_seconds in self.env.cr.fetchall():
            decks = self._decks(plan_id, version) if plan_id else {}
            accounts[ref] = Account(wallet_id, currency, decks, flat_rate(whatsapp), hold_seconds)
        return accounts

    def _account_companies(self):
        """Return whether every company's wallets may be named, and the user's companies."""
        user = self.env.user
        if self.env.uid == SUPERUSER_ID or user.has_group(PLATFORM):
            return True, []
        return False, user.company_ids.ids


@lru_cache(maxsize=64)
def flat_rate(price):
    """Return the rate that asks ``price`` a minute anywhere. Few companies, few prices."""
    return Rate(prefix="", price_per_minute=parse_amount(price))
