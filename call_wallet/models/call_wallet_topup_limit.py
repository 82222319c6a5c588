from datetime import UTC, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from odoo import SUPERUSER_ID, models
from odoo.exceptions import UserError
from odoo.tools import formatLang

from ..fields import ZERO
from .call_wallet import FINANCE


class CallWalletTopupLimit(models.Model):
    """How much owners may order in a day and in a month, against mistakes and stolen cards.

    Days and months are those of the wallet's time zone. Orders of people count, paid or not, until they are
    cancelled; automatic top-ups have a cap of their own. Finance staff are not limited.
    """

    _inherit = "call.wallet"

    def _claim_topup_limits(self, amount):
        """Check the limits so that two orders at once cannot both pass them."""
        if self._has_topup_limits():
            # A write: of two orders at once the second one fails, is repeated, and sees the first.
            self.env.cr.execute("UPDATE call_wallet SET write_date = write_date WHERE id = %s", [self.id])
            self._check_topup_limits(amount)

    def _has_topup_limits(self):
        company, user = self.company_id, self.env.user
        is_limited = company.call_wallet_topup_day_max or company.call_wallet_topup_month_max
        return bool(is_limited) and user.id != SUPERUSER_ID and not user.has_group(FINANCE)

    def _check_topup_limits(self, amount):
        """Raise if the user may not order ``amount`` more today, or in this month."""
        if not self._has_topup_limits():
            return
        _ = self.env._
        company = self.company_id
        today = self._today()
        limit, left = company.call_wallet_topup_day_max, self._left_to_order("day_max", today)
        if amount > left:
            raise UserError(
                _(
                    "Amount: at most %(limit)s may be ordered in a day; %(left)s is left today.",
                    limit=self._order_money(limit),
                    left=self._order_money(left),
                )
            )
        limit, left = company.call_wallet_topup_month_max, self._left_to_order("month_max", today.replace(day=1))
        if amount > left:
            raise UserError(
                _(
                    "Amount: at most %(limit)s may be ordered in a month; %(left)s is left of this one.",
                    limit=self._order_money(limit),
                    left=self._order_money(left),
                )
            )

    def _left_to_order(self, name, first_day):
        limit = self.company_id[f"call_wallet_topup_{name}"]
        return max(limit - self._ordered_since(first_day), ZERO) if limit else Decimal("Infinity")

    def _ordered_since(self, day):
        start = datetime.combine(day, time(), ZoneInfo(self.tz)).astimezone(UTC).replace(tzinfo=None)
        orders = (
            self.env["call.wallet.topup"]
            .sudo()
            .search(
                [
                    ("wallet_id", "=", self.id),
                    ("state", "!=", "cancelled"),
                    ("accepted_at", ">=", start),
                    ("requested_by_id", "!=", SUPERUSER_ID),
                ]
            )
        )
        return sum(orders.mapped("amount"), ZERO)

    def _order_money(self, amount):
        return formatLang(self.env, float(amount), currency_obj=self.currency_id)
