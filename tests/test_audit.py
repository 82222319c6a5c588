"""The auditor's check at a size for every day; `make audit` is the full one."""

import pytest

from .audit import Audit
from .audit_site import FATES
from .conftest import a_private_database, a_private_registry

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]


@pytest.fixture
def charts(databases):
    """The registry of a database with a company in each chart of accounts."""
    with (
        a_private_database(databases, databases.charts_template()) as database,
        a_private_registry(database) as registry,
    ):
        yield registry


def test_both_ledgers_agree_every_day_though_the_posting_was_killed(charts):
    audit = Audit(charts, wallets=6, calls=900, kills=2, every=7)
    assert audit.check() == [], audit.figures
    # It was about something: kills that hit, lock dates that moved entries, every fate of a top-up.
    assert audit.figures["killed"], audit.figures
    moved = {site.chart: audit.figures[f"booked on a later day, {site.chart}"] for site in audit.sites}
    # Nothing is closed in Japan; what is less than a yen waits there for an entry of a later day.
    assert moved["generic_coa"] and moved["es_pymes"], audit.figures
    assert all(sum(site.fates[fate] for site in audit.sites) for fate in FATES), audit.figures
