"""Name the field that is wrong with calls which earlier versions rejected: their sentences begin with it."""


def migrate(cr, version):
    """Fill the column; called by Odoo once, with the version that was installed."""
    cr.execute(
        r"""
        UPDATE call_usage_rejection
           SET field_name = substring(reason FROM '^([a-z_]+)\M')
         WHERE field_name IS NULL AND code <> 'invalid_call'
           AND substring(reason FROM '^([a-z_]+)\M') IN (
                'account', 'call_ref', 'call_type', 'number', 'started_at', 'duration_seconds', 'status', 'campaign',
                'application_ref', 'manager', 'direction', 'reason')
        """
    )
