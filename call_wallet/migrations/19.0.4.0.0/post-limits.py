"""Let one person refund in a day what was asked of one refund at least twice, where that is more than the default."""


def migrate(cr, version):
    """Widen the new limit for companies whose other one is wide; called by Odoo once."""
    cr.execute("""
        UPDATE res_company SET call_wallet_refund_day_limit = GREATEST(2000, 2 * call_wallet_refund_limit)
    """)
