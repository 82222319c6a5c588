"""The addon leaves a database: nothing of it stays behind, and the books stay usable; then it comes back."""

import os
import subprocess

import pytest

from .conftest import REPO
from .flow import main_flow
from .upgrade import inventory

pytestmark = pytest.mark.real_commits

UNINSTALL = "env['ir.module.module'].search([('name', '=', 'call_wallet')]).button_immediate_uninstall()\n"
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
    ours = {kind: sorted(row for row in rows if "call_" in row) for kind, rows in after.items()}
    assert ours == {kind: [] for kind in after}


def test_nothing_of_it_stays_among_the_records(uninstalled):
    database, *_rest = uninstalled
    with inventory.cursor(database) as cr:
        for table, column in (
            ("ir_model_data", "module"),
            ("ir_model_data", "name"),
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
            cr.execute(f"SELECT {column} FROM {table} WHERE {column} ~ 'call[_.](wallet|usage|rate|source)'")
            found = sorted({value for (value,) in cr.fetchall()})
            assert found == [], f"{table}.{column}"
        cr.execute("SELECT count(*) FROM product_template WHERE active AND name::text ILIKE '%call%balance%'")
        assert cr.fetchone() == (0,)


def test_the_books_are_as_they_were(uninstalled):
    database, _code, _log, books = uninstalled
    with inventory.cursor(database) as cr:
        assert inventory.books(cr) == books
