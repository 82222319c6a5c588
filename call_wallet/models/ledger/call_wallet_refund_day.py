from odoo import api, fields, models

from ...tools.fields import Amount, parse_amount


class CallWalletRefundDay(models.Model):
    """What one person has refunded alone in a day, in the company's currency: many small ones make a large one.

    The row is locked while its person refunds, so that two sessions of theirs take turns. What a second person has
    approved does not count. The day is the company's.
    """

    _name = "call.wallet.refund.day"
    _description = "Refunds of a Person in a Day"
    _order = "day desc, id desc"
    _rec_name = "user_id"
    _log_access = False

    user_id = fields.Many2one("res.users", "Person", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    day = fields.Date(required=True, readonly=True)
    amount = Amount(required=True, readonly=True, help="In the company's currency.")
    currency_id = fields.Many2one(related="company_id.currency_id")

    _once = models.UniqueIndex("(user_id, company_id, day)", "A person has one total a day.")

    @api.model
    def _lock_total(self, user, company):
        """Return what ``user`` has refunded alone today; their other sessions wait until this transaction ends."""
        self.env.flush_all()
        self.env.cr.execute(LOCK, [user.id, company.id, company._call_wallet_today()])
        return parse_amount(self.env.cr.fetchone()[0])

    @api.model
    def _total(self, user, company):
        """Return what ``user`` has refunded alone today."""
        mine = [("user_id", "=", user.id), ("company_id", "=", company.id), ("day", "=", company._call_wallet_today())]
        return sum(self.sudo().search(mine).mapped("amount"), parse_amount(0))

    @api.model
    def _add(self, user, company, amount):
        """Count ``amount``; the caller holds the total."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE call_wallet_refund_day SET amount = amount + %s"
            " WHERE user_id = %s AND company_id = %s AND day = %s",
            [amount, user.id, company.id, company._call_wallet_today()],
        )
        self.env.invalidate_all(flush=False)


LOCK = """
    INSERT INTO call_wallet_refund_day AS d (user_id, company_id, day, amount) VALUES (%s, %s, %s, 0)
    ON CONFLICT (user_id, company_id, day) DO UPDATE SET amount = d.amount
 RETURNING amount::text
"""
