"""Forget the failures that are noted by the names of earlier versions' steps: what still fails is noted again."""


def migrate(cr, version):
    """Called by Odoo once, with the version that was installed."""
    cr.execute("DELETE FROM call_wallet_failure")
