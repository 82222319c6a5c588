"""The main flow in every set-up of `setups/table.py`: charts, currencies, taxes, books, ways to pay, customers.

`make rest` runs those marked quick; `make setups` runs all.
"""

import os

import pytest

from .conftest import a_private_database, a_private_registry
from .setups.table import SETUPS

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

CHOSEN = [setup for setup in SETUPS if setup.quick or os.environ.get("CALL_WALLET_SETUPS") == "all"]


@pytest.fixture(scope="module")
def charts(databases):
    """The registry of a database with a company in each chart of accounts; nothing is committed there."""
    with (
        a_private_database(databases, databases.charts_template()) as database,
        a_private_registry(database) as registry,
    ):
        yield registry


@pytest.mark.parametrize("setup", CHOSEN, ids=lambda setup: setup.name)
def test_from_the_first_top_up_to_the_close(charts, setup):
    import odoo

    from .setups import flow

    with charts.cursor() as cr:
        try:
            flow.run(flow.World(odoo.api.Environment(cr, odoo.SUPERUSER_ID, {}), setup))
        finally:
            cr.rollback()
            charts.clear_cache()
