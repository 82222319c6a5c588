"""Real telephone calls through a real Asterisk, charged by a real server: to the second, once, and within the funds."""

from decimal import Decimal

import pytest

from .asterisk_site import (
    ANSWERS,
    BUSY,
    BY_SECOND,
    RINGS,
    all_reported,
    an_exchange,
    assert_agree,
    talks,
    usage,
    wallet,
)
from .conftest import OdooServer
from .load_site import Site

pytestmark = pytest.mark.real_commits


@pytest.fixture(scope="module")
def site(shared_registry):
    site = Site(shared_registry)
    with site.env() as env:
        env["call.rate"].create({"plan_id": site.plan_id, **BY_SECOND})
    site.server = OdooServer(shared_registry.db_name, workers=3)
    try:
        site.server.start()
        yield site
    finally:
        site.server.kill()


@pytest.fixture(scope="module")
def line(site, tmp_path_factory):
    """An exchange that is never disturbed."""
    with an_exchange(site, tmp_path_factory.mktemp("line"), options={"hold_seconds": "3", "extend_before": "1"}) as line:
        yield line


def test_calls_at_once_share_a_small_wallet_and_are_cut_when_it_is_empty(site, line):
    # 0.030 are thirty seconds, of six who would talk for ever.
    site.make_wallets("SHARED", funds="0.030")

    calls = line.place([("SHARED", ANSWERS)] * 6)

    all_reported(line)
    print(calls, line.log.read_text(), usage(site, "SHARED"), talks(line, "SHARED"), wallet(site, "SHARED"))
    assert all(call.was_cut for call in calls)
    assert_agree(line, site, "SHARED")
