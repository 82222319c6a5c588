"""What the crash soak works on: wallets on a PostgreSQL and an Odoo of its own, which may be killed at any moment."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import conftest
from .conftest import REPO, OdooServer
from .hook_receiver import receiving
from .load_site import Site, make_key

sys.path.insert(0, str(REPO / "scripts"))

PATIENCE = 240
WORKERS, CRONS = 3, 2
# Of the wallet that is re-rated all the time: what a call of one minute costs now, and now.
RERATED_PRICES = ("0.02", "0.03")


class CrashSite(Site):
    """A site on ``postgres`` (``bootstrap.postgres.Apart``), with a wallet for each kind of work."""

    def __init__(self, registry, postgres, receiver):
        super().__init__(registry)
        self.postgres, self.receiver = postgres, receiver
        conftest.START_TIMEOUT = PATIENCE  # it starts again and again, beside all that goes on
        self.server = OdooServer(registry.db_name, workers=WORKERS, crons=CRONS)
        self.ids = dict(zip(("STORM", "RERATED", "FILED"), self.make_wallets("STORM", "RERATED", "FILED"), strict=True))
        with self.env() as env:
            env = env(context=dict(env.context, tracking_disable=True))
            self.manager_key = make_key(env, "crash.manager", ["call_wallet.group_finance_manager"])
            self._make_plans(env)
            lines = [(0, 0, {"key": "filed", "wallet_id": self.ids["FILED"]})]
            source = env["call.source"].create({"name": "Switch", "kind": "asterisk", "tz": "UTC", "line_ids": lines})
            self.source_id, self.company_id = source.id, env.company.id
            env["ir.config_parameter"].set_param("call_wallet.webhook_allowed_hosts", receiver.host)
            webhook = env["call.wallet.webhook"].create({"name": "Crashes", "url": receiver.url})
            receiver.secret = webhook.secret
            self.last_event = env["call.wallet"].list_events(limit=1000)[-1:]
            self.last_event = self.last_event[0]["event"] if self.last_event else 0

    def _make_plans(self, env):
        dollar = env.ref("base.USD").id
        rate = (0, 0, {"prefix": "1", "price_per_minute": RERATED_PRICES[0]})
        rerated = env["call.rate.plan"].create({"name": "Re-rated", "currency_id": dollar, "rate_ids": [rate]})
        env["call.wallet"].browse(self.ids["RERATED"]).rate_plan_id = rerated
        self.rerated_rate_id = rerated.rate_ids.id
        self.deck_id = env["call.rate.plan"].create({"name": "Imported", "currency_id": dollar}).id

    def select(self, query, *values):
        """As ``Site.select``; connections that died with the server are not used again."""
        import odoo.sql_db
        import psycopg2

        try:
            return super().select(query, *values)
        except psycopg2.Error:
            odoo.sql_db.close_all()
            return super().select(query, *values)

    def wait_until_it_answers(self):
        """Wait until Odoo serves again; return the seconds. It is started only where nothing of it is left."""
        began = time.monotonic()
        while not self.server._answers():
            if self.server.process.poll() is not None:
                self.server.start()
            if time.monotonic() - began > PATIENCE:
                raise AssertionError(f"Odoo does not answer {PATIENCE} s after a kill; see {self.server.log}")
            time.sleep(0.2)
        return time.monotonic() - began


@contextmanager
def a_crash_site():
    """Yield a site on a PostgreSQL that was made for it and is removed afterwards; ``fsync`` is on."""
    from bootstrap.postgres import Apart
    from bootstrap.setting import Setting

    databases, name = Setting().databases, f"cw_crash_{os.getpid()}"
    postgres = Apart(f"crash-{os.getpid()}")
    try:
        postgres.ensure()
        # The clone on the usual server only gives its contents, and keeps the folder of files.
        databases.clone(os.environ["CALL_WALLET_TEMPLATE"], name)
        copy_database(databases.server, postgres, name)
        registry = load_registry(configure_for(postgres), name)
        with receiving() as receiver:
            site = CrashSite(registry, postgres, receiver)
            try:
                yield site
            finally:
                site.server.kill()
    finally:
        if "odoo.sql_db" in sys.modules:
            sys.modules["odoo.sql_db"].close_all()
        postgres.remove()
        databases.drop(name)


def copy_database(origin, target, name):
    """Copy a database from one server to another."""
    target.sql(f'CREATE DATABASE "{name}"')
    dump = subprocess.Popen(
        [origin.bin / "pg_dump", "-h", origin.socket, "-U", "call_wallet", name], stdout=subprocess.PIPE
    )
    options = ["-XAq", "-v", "ON_ERROR_STOP=1", "-h", target.socket, "-U", "call_wallet", "-d", name, "-o", os.devnull]
    subprocess.run([target.psql, *options], stdin=dump.stdout, check=True)
    if dump.wait():
        raise RuntimeError(f"pg_dump ended with {dump.returncode}")
    target.sql("VACUUM ANALYZE", name)


def configure_for(postgres):
    """Write Odoo's configuration with another server, and have it used by whatever is started from here."""
    usual = Path(os.environ["CALL_WALLET_CONFIG"])
    lines = usual.read_text().splitlines()
    lines = [f"db_host = {postgres.socket}" if line.startswith("db_host") else line for line in lines]
    config = usual.with_name(f"odoo-crash-{os.getpid()}.conf")
    config.write_text("\n".join([*lines, ""]))
    os.environ["CALL_WALLET_CONFIG"] = str(config)
    os.environ["PGHOST"] = str(postgres.socket)
    return config


def load_registry(config, name):
    """Return the registry of a database, for this process."""
    import odoo
    from odoo.modules.registry import Registry

    odoo.tools.config.parse_config(["-c", str(config), "-d", name, "--log-level=critical"])
    return Registry(name)


def now():
    return datetime.now(UTC).replace(microsecond=0)


def minutes_ago(minutes):
    return f"{(now() - timedelta(minutes=minutes)).isoformat()}"
