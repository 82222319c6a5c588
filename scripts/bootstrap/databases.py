"""Databases of the private server: templates that are built once, and their clones.

A template is read-only and named after everything that shapes it. It is built under another name
and renamed when complete, so that an interrupted build leaves nothing that looks ready.
"""

import os
import re
import shutil
import tarfile
import time
from pathlib import Path

from . import clocks, paths, voip_oca
from .console import StepError, hold, run_logged, say, step
from .postgres import ADMIN

BASE_MODULES = [
    "base",
    "web",
    "account",
    "account_payment",
    "payment_demo",
    "payment_stripe",
    "payment_custom",
    "portal",
    "utm",
    "phone_validation",
    "bus",
]
SHOP_MODULES = ["website_sale", "sale_management"]
# What the suites of `make peers` are of, and what ours depends on besides.
PEER_MODULES = [
    "test_lint",
    "account_payment",
    "payment_demo",
    "payment_stripe",
    "payment_custom",
    "portal",
    "rpc",
    "utm",
]
# The big stacks that stand beside ours in most databases.
STACK_MODULES = ["website_sale", "sale_management", "crm", "hr", "stock", "loyalty", "mass_mailing"]
# The charts of accounts in which the set-ups of the tests do business, and what else these need of Odoo.
CHART_MODULES = [
    "l10n_be",
    "l10n_ch",
    "l10n_de",
    "l10n_es",
    "l10n_fr_account",
    "l10n_in",
    "l10n_it",
    "l10n_jp",
    "l10n_mx",
    "l10n_uk",
    "l10n_account_withholding_tax",
]
CHART_COMPANIES = paths.REPO / "tests/setups/companies.py"
BUNDLES = paths.REPO / "scripts/bundles.py"
PEERS_BUNDLES = paths.REPO / "scripts/peers_bundles.py"
OURS = ["-i", "call_wallet"]
LANGUAGES = ["en_US", "es_ES"]
WARNING = re.compile(r"^\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) ")
RECIPE = "1"  # raise it when the way a template is built changes
KEPT = 4  # old templates of each kind
STAMPS = paths.CACHE / f"templates{paths.SUFFIX}"


class Databases:
    def __init__(self, setting):
        self.setting = setting
        self.server = setting.server

    # === TEMPLATES === #

    def base_template(self):
        """Return the name of a database with Odoo's modules and demo data, without the addon."""
        name = f"cw_base_{self._base_key()}"
        modules = ",".join(BASE_MODULES)
        return self._template(
            name,
            f"Template database ({len(BASE_MODULES)} Odoo modules)",
            None,
            [
                ["-i", modules, "--with-demo", f"--load-language={','.join(LANGUAGES)}"],
            ],
            BASE_MODULES,
        )

    def addon_template(self):
        """Return the name of a database with the addon and its demo data, whose story ends last week."""
        base = self.base_template()
        key = paths.digest(base, paths.tree_digest(paths.ADDON), str(clocks.story_weeks()))
        return self._template(
            f"cw_addon_{key}",
            "Template database with call_wallet",
            base,
            [
                ["-i", "call_wallet", "--with-demo"],
            ],
            ["call_wallet"],
        )

    def shop_template(self, with_addon):
        """Return the name of a database with a web shop and quotations, and no demo data of theirs.

        :param bool with_addon: with the addon beside them
        """
        shop = self._template(
            f"cw_shop_{paths.digest(self.base_template(), *SHOP_MODULES)}",
            f"Template database with {' and '.join(SHOP_MODULES)}",
            self.base_template(),
            [["-i", ",".join(SHOP_MODULES), "--without-demo=True"]],
            [],
        )
        if not with_addon:
            return shop
        return self._template(
            f"cw_beside_{paths.digest(shop, paths.tree_digest(paths.ADDON))}",
            "Template database with a shop and call_wallet",
            shop,
            [["-i", "call_wallet", "--without-demo=True"]],
            [],
        )

    def peers_template(self, with_addon):
        """Return the name of a database for Odoo's own tests, without any demo data.

        :param bool with_addon: with the addon beside Odoo's modules
        """
        key = paths.digest(self.setting.source.version, paths.LOCK_FILE, RECIPE, PEERS_BUNDLES, *PEER_MODULES)
        peers = self._template(
            f"cw_peers_{key}",
            "Template database for Odoo's own tests",
            None,
            [["-i", ",".join(PEER_MODULES), "--without-demo=True"], ["shell", PEERS_BUNDLES]],
            [],
        )
        if not with_addon:
            return peers
        return self._template(
            f"cw_peersbeside_{paths.digest(peers, PEERS_BUNDLES, paths.tree_digest(paths.ADDON))}",
            "Template database for Odoo's own tests, with call_wallet",
            peers,
            [["-i", "call_wallet", "--without-demo=True"], ["shell", PEERS_BUNDLES]],
            [],
        )

    def beside_template(self, modules, title, last=False, key=""):
        """Return the name of a database with the addon and its demo data, beside others without theirs.

        :param list modules: the others
        :param bool last: the others come after ours, instead of before
        :param str key: the others' version, where it is not Odoo's
        """
        name = f"cw_beside{'last' if last else 'first'}"
        others, ours = ["-i", ",".join(modules), "--without-demo=True"], [*OURS, "--with-demo"]
        if last:
            addon = self.addon_template()
            title = f"Template database with call_wallet, then {title}"
            return self._template(
                f"{name}_{paths.digest(addon, key, *modules)}", title, addon, [others], ["call_wallet"]
            )
        base = self.base_template()
        origin = self._template(
            f"cw_others_{paths.digest(base, key, *modules)}", f"Template database with {title}", base, [others], []
        )
        return self._template(
            f"{name}_{paths.digest(origin, paths.tree_digest(paths.ADDON), str(clocks.story_weeks()))}",
            f"Template database with {title}, then call_wallet",
            origin,
            [ours],
            ["call_wallet"],
        )

    def bare_template(self):
        """Return the name of a database with the addon and what it depends on alone: no chart, no demo data."""
        key = paths.digest(self.setting.source.version, paths.LOCK_FILE, paths.tree_digest(paths.ADDON))
        return self._template(
            f"cw_bare_{key}",
            "Template database with call_wallet alone",
            None,
            [["-i", "call_wallet", "--without-demo=True"]],
            [],
        )

    def softphone_template(self):
        """Return the name of a database with the addon and its demo data, OCA's softphone, and what joins the two."""
        addon = self.addon_template()
        addons = self.addons_path_with_softphone()
        key = paths.digest(addon, paths.tree_digest(paths.SOFTPHONE), BUNDLES, addons)
        return self._template(
            f"cw_softphone_{key}",
            "Template database with voip_oca and call_wallet_voip_oca",
            addon,
            [
                ["-i", "voip_oca", "--without-demo=True", f"--addons-path={addons}"],
                ["shell", f"--addons-path={addons}", BUNDLES],
            ],
            [],
        )

    def addons_path_with_softphone(self):
        """Return the addons' path of Odoo with ours and OCA's softphone."""
        softphone = voip_oca.ensure(self.setting)
        return ",".join(map(str, [*self.setting.source.addons_paths, paths.REPO, softphone]))

    def charts_template(self):
        """Return the name of a database with the addon and a company in each chart, without our demo data."""
        charts = self._bare_charts_template()
        return self._template(
            f"cw_setups_{paths.digest(charts, paths.tree_digest(paths.ADDON))}",
            "Template database with charts of accounts and call_wallet",
            charts,
            [["-i", "call_wallet", "--without-demo=True"]],
            [],
        )

    def _bare_charts_template(self):
        """Return the name of a database with a company in each chart, without the addon."""
        origin = self.base_template()
        return self._template(
            f"cw_charts_{paths.digest(origin, CHART_COMPANIES, *CHART_MODULES)}",
            f"Template database with {len(CHART_MODULES)} charts of accounts",
            origin,
            [
                ["-i", ",".join(CHART_MODULES), "--without-demo=True", "--load-language=ar_001"],
                ["shell", CHART_COMPANIES],
            ],
            [],
        )

    def earlier_charts_template(self, archive, business):
        """Return the name of a database with a company in each chart, and business done by an earlier version.

        :param archive: path of the addon's source, compressed; made as CONTRIBUTING.md says
        :param business: path of the script for Odoo's shell that does the business
        """
        charts = self._bare_charts_template()
        addons = self.addons_path_with(archive)
        return self._template(
            f"cw_earlybooks_{paths.digest(charts, archive, business)}",
            f"Template database with charts of accounts and {archive.name.split('.tar')[0]}",
            charts,
            [
                ["-i", "call_wallet", "--without-demo=True", f"--addons-path={addons}"],
                ["shell", f"--addons-path={addons}", business],
            ],
            [],
        )

    def earlier_template(self, archive, business):
        """Return the name of a database with an earlier version of the addon, its demo data, and business done by it.

        :param archive: path of the addon's source, compressed; made as CONTRIBUTING.md says
        :param business: path of the script for Odoo's shell that does the business
        """
        base = self.base_template()
        addons = self.addons_path_with(archive)
        return self._template(
            f"cw_earlier_{paths.digest(base, archive, business)}",
            f"Template database with {archive.name.split('.tar')[0]}",
            base,
            [
                ["-i", "call_wallet", "--with-demo", f"--addons-path={addons}"],
                ["shell", f"--addons-path={addons}", business],
            ],
            ["call_wallet"],
        )

    def addons_path_with(self, archive):
        """Return the addons' path of Odoo with the addon of an archive in place of ours."""
        folder = paths.CACHE / "earlier" / paths.digest(archive)
        with hold("earlier"):
            if not folder.exists():
                part = folder.with_suffix(".part")
                shutil.rmtree(part, ignore_errors=True)
                with tarfile.open(archive) as packed:
                    packed.extractall(part, filter="data")
                part.rename(folder)
        return ",".join(map(str, [*self.setting.source.addons_paths, folder]))

    def _base_key(self):
        return paths.digest(
            self.setting.source.version,
            paths.LOCK_FILE,
            RECIPE,
            str(self.server.major),
            *BASE_MODULES,
            *LANGUAGES,
        )

    def _template(self, name, title, origin, runs, modules):
        if not self.exists(name):
            with hold(name):
                if not self.exists(name):
                    _ = self.setting.python  # a step of its own, shown before this one
                    with step(title):
                        try:
                            self._build(name, origin, runs, modules)
                        finally:
                            self.drop(f"{name}_draft")
        STAMPS.mkdir(parents=True, exist_ok=True)
        (STAMPS / name).touch()
        return name

    def _build(self, name, origin, runs, modules):
        draft = f"{name}_draft"
        self.drop(draft)
        if origin:
            self.clone(origin, draft)
        fix = f"read the whole log, {paths.LOGS / name}.log"
        for arguments in runs:
            log = self._run(draft, name, fix, arguments)
            if arguments[:2] == OURS and not any("--addons-path" in part for part in arguments):
                _refuse_warnings(log)
        self._check_installed(draft, modules, log)
        self.server.sql("VACUUM ANALYZE", draft)
        self.server.sql(f'ALTER DATABASE "{draft}" ALLOW_CONNECTIONS false')
        self._rename_filestore(draft, name)
        self.server.sql(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
        self._prune(name.rsplit("_", 1)[0])

    def _run(self, database, name, fix, arguments):
        """Run Odoo with these arguments, or ``["shell", ..., script]``; return the log."""
        options = {"env": self.setting.environment}
        if arguments[0] == "shell":
            *arguments, script = arguments
            command = self.setting.odoo_command(*arguments, "-d", database, "--no-http")
            with open(script) as source:
                return run_logged(command, f"{name}-script", fix, stdin=source, **options)
        command = self.setting.odoo_command("-d", database, "--stop-after-init", "--no-http", *arguments)
        return run_logged(command, name, fix, _loaded_module, **options)

    def _check_installed(self, database, modules, log):
        """Odoo only warns when demo data fails to load, and goes on without: stop there."""
        if not modules:
            return
        names = ",".join(f"'{module}'" for module in modules)
        rows = self.server.sql(
            f"SELECT count(*) FROM ir_module_module WHERE name IN ({names}) AND state = 'installed' AND demo", database
        )
        if int(rows[0]) == len(modules):
            return
        problems = [
            line
            for line in log.read_text(errors="replace").splitlines()
            if re.search(r" (ERROR|CRITICAL) |^\w*(Error|Exception|odoo\.\S*):", line)
        ]
        raise StepError(
            "not installed with demo data: " + names + "\n" + "\n".join(problems[-10:]),
            f"read the whole log, {log}",
        )

    def _prune(self, kind):
        """Drop templates that no run has used for a while; each is some 100 MB."""
        stamps = sorted(STAMPS.glob(f"{kind}_*"), key=lambda path: path.stat().st_mtime)
        for stamp in stamps[:-KEPT]:
            if time.time() - stamp.stat().st_mtime > 3600:
                say(f"    dropping the old template {stamp.name}")
                self.drop(stamp.name)
                stamp.unlink(missing_ok=True)  # another run may have been quicker

    def drop_of_lost_checkouts(self, prefix):
        """Drop the databases of checkouts that are no longer there, and remember this one."""
        folder = paths.CACHE / f"checkouts{paths.SUFFIX}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / paths.CHECKOUT).write_text(str(paths.REPO))
        for checkout in folder.iterdir():
            if not Path(checkout.read_text() or "/").exists():
                self.drop(prefix + checkout.name)
                checkout.unlink()

    # === CLONES === #

    def clone(self, origin, name, shift=None):
        """Make a database out of a template, with its files; its clock is ``shift`` seconds ahead (see ``clocks``)."""
        self.drop(name)
        self.server.sql(f'CREATE DATABASE "{name}" TEMPLATE "{origin}"')
        source, target = self.filestore(origin), self.filestore(name)
        if source.exists():
            # Odoo never changes a stored file, so that names for the same one are enough.
            shutil.copytree(source, target, copy_function=_link, dirs_exist_ok=True)
        self.server.sql(
            "UPDATE ir_config_parameter SET value = gen_random_uuid()::text WHERE key = 'database.uuid'", name
        )
        clocks.move_database(self.server, name, shift)
        return name

    def drop(self, name):
        # As the administrator: autovacuum may be at work there, which our own role must not end.
        self.server.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', user=ADMIN)
        shutil.rmtree(self.filestore(name), ignore_errors=True)

    def exists(self, name):
        return bool(self.server.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))

    def names(self, prefix):
        rows = self.server.sql("SELECT datname FROM pg_database")
        return [row for row in rows if row.startswith(prefix)]

    def filestore(self, name):
        return paths.DATA / "filestore" / name

    def _rename_filestore(self, old, new):
        shutil.rmtree(self.filestore(new), ignore_errors=True)
        if self.filestore(old).exists():
            self.filestore(old).rename(self.filestore(new))

    # === NOTES ON A DATABASE === #

    def note(self, name, text):
        self.server.sql(f"COMMENT ON DATABASE \"{name}\" IS '{text}'")

    def read_note(self, name):
        rows = self.server.sql(
            f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'"
        )
        return rows[0] if rows else None


def _refuse_warnings(log):
    """Whoever installs the addon sees no warning: neither do we."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if WARNING.search(line)]
    if lines:
        raise StepError("Odoo warned of something:\n" + "\n".join(lines[:10]), f"read the whole log, {log}")


def _link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _loaded_module(log):
    """Return how far Odoo is in loading modules, out of the end of its log."""
    with open(log, "rb") as handle:
        handle.seek(max(0, Path(log).stat().st_size - 50_000))
        text = handle.read().decode(errors="replace")
    found = re.findall(r"Loading module (\S+) \((\d+/\d+)\)", text)
    return f"module {found[-1][1]}: {found[-1][0]}" if found else ""
