"""An import of rates is a record that stays: what dialogs of the version before left behind is none."""


def migrate(cr, _version):
    cr.execute("DELETE FROM call_rate_import_line")
    cr.execute("DELETE FROM call_rate_import_error")
    cr.execute("DELETE FROM call_rate_import")
