"""Let one person refund in a day twice what one refund may come to, where that is more than the default; and any amount
where one refund may be of any."""


def migrate(cr, version):
    """Widen the new limit for companies whose other one is wide; called by Odoo once."""
    cr.execute("""
        UPDATE res_company
           SET call_wallet_refund_day_limit = CASE WHEN call_wallet_refund_limit = 0 THEN 0
                                                   ELSE GREATEST(2000, 2 * call_wallet_refund_limit) END
    """)
