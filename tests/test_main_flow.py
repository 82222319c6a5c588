"""The whole way of a dollar and of a call, with real commits; also what runs on the oldest PostgreSQL."""

import pytest

from .flow import main_flow

pytestmark = pytest.mark.real_commits


def test_from_the_first_top_up_to_the_close(private_registry):
    import odoo

    with private_registry.cursor() as cr:
        main_flow(odoo.api.Environment(cr, odoo.SUPERUSER_ID, {}))
