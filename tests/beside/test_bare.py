"""On a database that has nothing else: no demo data, no language but English, and a company without a chart.

Run by `make peers ARGS=bare`, which takes minutes.
"""

import re

import pytest
from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError

from ..conftest import REPO, a_private_database, a_private_registry
from ..flow import main_flow

pytestmark = pytest.mark.real_commits


@pytest.fixture(scope="module")
def bare(databases):
    with (
        a_private_database(databases, databases.bare_template()) as database,
        a_private_registry(database) as registry,
    ):
        yield registry


def test_it_installs_without_a_warning(databases, bare):
    log = (REPO / "build/logs" / f"{databases.bare_template()}.log").read_text(errors="replace")
    assert "Loading module call_wallet" in log
    assert [line for line in log.splitlines() if re.search(r" (WARNING|ERROR|CRITICAL) ", line)] == []


def test_without_a_chart_funds_are_refused_and_with_one_all_works(bare):
    with bare.cursor() as cr:
        # Odoo gives the first company the generic chart by itself; one that is made later has none.
        company = api.Environment(cr, SUPERUSER_ID, {})["res.company"].create({"name": "Without a chart"})
        cr.commit()
        env = api.Environment(cr, SUPERUSER_ID, {"allowed_company_ids": company.ids})
        assert env.company == company and not company.chart_template
        partner = env["res.partner"].create({"name": "Early", "is_company": True, "email": "early@flow.example"})
        wallet = env["call.wallet"].create({"partner_id": partner.id, "tz": "UTC"})
        wallet.set_recipients(["early@flow.example"])
        with pytest.raises(UserError, match="(?i)chart of accounts"):
            wallet.create_topup("100")
        cr.rollback()
        env["account.chart.template"].try_loading("generic_coa", env.company, install_demo=False)
        cr.commit()
        main_flow(env)
