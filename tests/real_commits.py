"""Transactions of their own, for tests of code that commits and of people at the same time."""

from contextlib import contextmanager


@contextmanager
def environment(registry, user_id=None):
    """Yield an environment on a cursor of its own, as a user or as the superuser; rolled back unless committed."""
    import odoo

    with registry.cursor() as cr:
        yield odoo.api.Environment(cr, user_id or odoo.SUPERUSER_ID, {})
