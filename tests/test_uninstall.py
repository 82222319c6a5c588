"""The addon leaves a database: nothing of it stays behind, and the books stay usable; then it comes back."""

import os
import re
import subprocess

import pytest

from .conftest import REPO
from .flow import main_flow
from .upgrade import inventory

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

OURS = re.compile(r"call[_.](wallet|usage|rate|source)")
# Odoo's list of addons goes on naming them, and of each addon that is gone Odoo keeps the names under which its own
# addons extended the models.
ODOO_S = re.compile(r"base\.ir\.module\.module\.|(?!call_wallet)\w+\.ir\.model\.(fields\.selection|inherit)\.")
UNINSTALL = "env['ir.module.module'].search([('name', '=', 'call_wallet')]).button_immediate_uninstall()\n"
INSTALL = "env['ir.module.module'].search([('name', '=', 'call_wallet')]).button_immediate_install()\n"
# In Odoo's shell: the same customer, and a new one.
BUSINESS_AGAIN = f"""
import sys
sys.path.insert(0, {str(REPO)!r})
from tests.flow import main_flow
main_flow(env, "AGAIN")
partner = env["res.partner"].search([("name", "=", "FLOW")], limit=1)
wallet = env["call.wallet"].create({{"partner_id": partner.id, "tz": "UTC"}})
wallet.set_recipients(["billing@flow.example"])
wallet.refund("5", "Goodwill")
env.cr.commit()
print("VIOLATIONS:", env["call.wallet"].check_invariants())
"""
PROBLEMS = (" WARNING ", " ERROR ", " CRITICAL ", "bad query")


def shell(database, name, script):
    """Run a script in Odoo's shell; return its exit code and its log (build/logs/<name>.log)."""
    log = REPO / "build/logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [os.environ["CALL_WALLET_PYTHON"], os.environ["CALL_WALLET_ODOO_BIN"], "shell"]
    command += ["-c", os.environ["CALL_WALLET_CONFIG"], "-d", database, "--no-http"]
    with open(log, "w") as output:
        code = subprocess.run(
            command, input=script, text=True, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
    return code, log.read_text(errors="replace")


def problems(log):
    return [line for line in log.splitlines() if any(sign in line for sign in PROBLEMS)]


@pytest.fixture(scope="module")
def uninstalled(databases, addon_template):
    """A database that did business in a wallet, and the addon's demo besides, after the addon has left."""
    from odoo import SUPERUSER_ID, api

    from .conftest import a_private_database, a_private_registry

    with a_private_database(databases, addon_template) as database:
        with a_private_registry(database) as registry, registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            main_flow(env)
            cr.commit()
        with inventory.cursor(database) as cr:
            books = inventory.books(cr)
        code, log = shell(database, "uninstall", UNINSTALL)
        yield database, code, log, books


def test_it_leaves_without_a_complaint(uninstalled):
    _database, code, log, _books = uninstalled
    assert (code, problems(log)) == (0, [])


def test_nothing_of_it_stays_in_the_schema(uninstalled, databases):
    database, *_rest = uninstalled
    with inventory.cursor(database) as cr:
        after = inventory.shape(cr)
    assert sorted(row for rows in after.values() for row in rows if OURS.search(row)) == []


def test_nothing_of_it_stays_among_the_records(uninstalled):
    database, *_rest = uninstalled
    with inventory.cursor(database) as cr:
        for table, column in (
            ("ir_model_data", "concat(module, '.', model, '.', name)"),
            ("ir_config_parameter", "key"),
            ("ir_cron", "cron_name"),
            ("ir_attachment", "res_model"),
            ("mail_message", "model"),
            ("mail_followers", "res_model"),
            ("mail_activity", "res_model"),
            ("ir_model", "model"),
            ("ir_sequence", "code"),
            ("ir_filters", "model_id"),
        ):
            cr.execute(f"SELECT {column} FROM {table} WHERE {column}::text ~ %s", [OURS.pattern])
            found = sorted({value for (value,) in cr.fetchall() if not ODOO_S.match(str(value))})
            assert not found, f"{table}.{column}: {', '.join(map(str, found))}"
        cr.execute("SELECT count(*) FROM product_template WHERE active AND name::text ILIKE '%call%balance%'")
        assert cr.fetchone() == (0,)


def test_the_books_are_as_they_were(uninstalled):
    database, _code, _log, books = uninstalled
    with inventory.cursor(database) as cr:
        assert inventory.books(cr) == books


def test_it_comes_back_and_finds_nothing_wrong(uninstalled):
    """The old wallets' deposits stand in the books as nobody's; the check at night says nothing of the new ones."""
    database, *_rest = uninstalled
    code, log = shell(database, "reinstall", INSTALL)
    assert (code, problems(log)) == (0, [])
    code, log = shell(database, "reinstalled", BUSINESS_AGAIN)
    assert code == 0, log
    assert "VIOLATIONS: []" in log
