"""Odoo's own tests beside the addon, which must not make one fail; and ours beside what others install."""

import json
import os
import shlex
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

from . import databases, npm, oca, paths, systools, testing
from .console import StepError, log_path, say, step

SCRIPT = paths.REPO / "scripts/peers_odoo.py"
WORKERS = 2
ADDON = "call_wallet"
LONGEST = 32  # of a suite's part in the name of a database, which PostgreSQL cuts at 63
# Of `account`: accounts and journals, invoices, payments, bank lines, reconciliation, and what is shown of them.
# Left out: the arithmetic of taxes alone, reports of taxes, the import of bills, and charts of all countries.
ACCOUNT = """
    account_account account_analytic account_bank_statement account_inalterable_hash account_invoice_report
    account_journal account_journal_dashboard account_lock_exception account_merge_wizard account_move_attachment
    account_move_date_algorithm account_move_duplicate account_move_entry account_move_out_invoice
    account_move_out_refund account_move_in_invoice account_move_payments_widget account_move_reconcile
    account_move_send account_partner account_payment account_payment_duplicate account_payment_items
    account_payment_method_line account_payment_register account_report account_to_check audit_trail chart_template
    company_branch download_docs duplicate_res_partner_bank early_payment_discount invoice_taxes ir_actions_report
    kpi_provider mail_tracking_value multivat payment_term portal_attachment portal_invoice product res_partner_merge
    sequence_mixin setup_wizard structured_reference transfer_wizard unexpected_invoice
""".split()
# Suite: the test tags that choose it.
SUITES = {
    "test_lint": "/test_lint",
    "payment_stripe": "/payment_stripe",
    "payment": "/payment",
    "account_payment": "/account_payment",
    "payment_custom": "/payment_custom",
    "portal": "/portal",
    "bus": "/bus",
    "phone_validation": "/phone_validation",
    "account": ",".join(f"/account/tests/test_{name}.py" for name in ACCOUNT),
}

# Our own tests on databases with other addons: big stacks that were there before, or came later; OCA's; and none,
# where no chart of accounts is loaded yet.
BESIDE = ["stacks", "stacks-last", "oca", "bare"]
MAIN_FLOW = ["tests/test_main_flow.py", "tests/test_topup_credit.py", "tests/test_posting.py"]
PAGES = ["tests/test_portal_tour.py", "tests/test_portal_topup.py", "tests/test_payment_page.py"]


def run(setting, arguments):
    """Run the suites that the arguments (or ARGS=) name, or all; return 1 where the addon makes one fail.

    An argument may also be Odoo's own test tag, such as ``/payment_stripe:StripeTest.test_webhook_notification``, or
    one of ``BESIDE``: then tests of ours run on a database with other addons.
    """
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    unknown = [name for name in arguments if name not in [*SUITES, *BESIDE] and not name.startswith("/")]
    if unknown:
        raise StepError(f"there is no {', '.join(unknown)}", f"choose of {', '.join([*SUITES, *BESIDE])}")
    suites = {name: SUITES.get(name, name) for name in arguments or SUITES if name not in BESIDE}
    code = _compare(setting, suites) if suites else 0
    for name in BESIDE if not arguments else [name for name in arguments if name in BESIDE]:
        say(f"==> Our tests, {name}")
        code |= _beside(setting, name)
    return code


def _beside(setting, name):
    """Run tests of ours on a database with other addons; return the exit code."""
    if name == "bare":
        return testing.run(setting, ["tests/beside/test_bare.py"])
    if name == "oca":
        setting = setting.beside_oca()
        template = setting.databases.beside_template(oca.MODULES, "OCA's addons", key=paths.digest(oca.LOCK_FILE))
        return testing.run_on(setting, template, [*MAIN_FLOW, "tests/beside/test_oca.py"])
    modules = databases.STACK_MODULES
    template = setting.databases.beside_template(modules, "shop, stock and mailings", last=name == "stacks-last")
    return testing.run_on(setting, template, [*MAIN_FLOW, *PAGES, "tests/beside/test_stacks.py"])


def _compare(setting, chosen):
    """Run Odoo's suites ({name: test tags}) and compare; return 1 where the addon makes one fail."""
    systools.ensure_wkhtmltopdf()
    systools.ensure_chromium()
    with ThreadPoolExecutor(int(os.environ.get("WORKERS", WORKERS))) as pool:
        peers = Peers(setting)
        found = list(pool.map(lambda item: peers.compare(*item), chosen.items()))
    say("\n" + "\n".join(line for lines, _new in found for line in lines))
    return int(any(new for _lines, new in found))


class Peers:
    """Runs suites on two databases, one with the addon and one without it, and compares."""

    def __init__(self, setting):
        self.setting = setting
        self.addons = {True: [*setting.source.addons_paths, paths.REPO], False: [*setting.source.addons_paths]}
        self.templates = {True: setting.databases.peers_template(True), False: setting.databases.peers_template(False)}
        self.eslint = npm.ensure_eslint()

    def compare(self, name, tags):
        """Run a suite beside the addon; return (the lines that tell of it, the tests that fail because of it)."""
        with step(f"{name}, beside the addon"):
            beside = self._run(name, tags, True)
        alone = self._baseline(name, tags)
        new = {test: text for test, text in beside["failed"].items() if self._is_new(test, text, alone)}
        if new:
            with step(f"{name}, what failed once more"):
                again = self._run(f"{name}-again", ",".join(map(_tag, new)), True)
            new = {test: text for test, text in again["failed"].items() if self._is_new(test, text, alone)}
        missing = sorted(set(alone["ran"]) - set(beside["ran"]))
        known = len(set(beside["failed"]) & set(alone["failed"]))
        lines = [
            f"{name}: {len(beside['ran'])} tests, {len(beside['skipped'])} skipped, "
            f"{known} fail without the addon too, {len(new)} because of it"
        ]
        lines += [f"    did not run beside the addon: {test}" for test in missing]
        for test, texts in sorted(new.items()):
            lines += [f"    {test}", *(f"        {line}" for text in texts for line in text.strip().splitlines())]
        return lines, [*new, *missing]

    @staticmethod
    def _is_new(test, texts, alone):
        """Say whether a failure is the addon's: a check of all files may fail without it, for other files."""
        if test not in alone["failed"]:
            return True
        return ADDON in "\n".join(texts) and ADDON not in "\n".join(alone["failed"][test])

    def _baseline(self, name, tags):
        """Return what comes of tests without the addon; kept for each version of Odoo."""
        key = paths.digest(self.setting.source.version, paths.LOCK_FILE, SCRIPT, npm.ESLINT / "package-lock.json", tags)
        kept = paths.CACHE / "peers" / f"{_plain(name)}-{key}.json"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with step(f"{name}, without the addon (once)"):
                notes = self._run(name, tags, False)
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(notes, indent=1))
            part.replace(kept)
        return json.loads(kept.read_text())

    def _run(self, name, tags, with_addon):
        """Return what came of the tests that the tags choose, on a clone of a template."""
        label = f"{_plain(name)}_{'beside' if with_addon else 'alone'}"
        database = f"cw_peersrun_{paths.CHECKOUT}_{label.lower()}"
        notes = paths.BUILD / f"peers-{label}.json"
        notes.unlink(missing_ok=True)
        self.setting.databases.clone(self.templates[with_addon], database)
        try:
            with open(log_path(f"peers-{label}"), "w") as log:
                subprocess.call(
                    self._command(database, tags, with_addon),
                    cwd=paths.REPO,
                    env=self._environment(notes),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        finally:
            self.setting.databases.drop(database)
        if not notes.exists():
            raise StepError(f"Odoo wrote no notes on {name}", f"read the whole log, {log.name}")
        result = json.loads(notes.read_text())
        if not result["ran"]:
            raise StepError(f"no test of {name} has run", f"read the whole log, {log.name}")
        return result

    def _command(self, database, tags, with_addon):
        return [
            str(self.setting.python),
            str(SCRIPT),
            "-c",
            str(self.setting.config),
            f"--addons-path={','.join(map(str, self.addons[with_addon]))}",
            "-d",
            database,
            f"--db-filter=^{database}$",
            f"--http-port={_free_port()}",
            f"--test-tags={tags}",
            "--stop-after-init",
        ]

    def _environment(self, notes):
        result = {**self.setting.environment, "CALL_WALLET_PEERS": str(notes)}
        if self.eslint:
            result["PATH"] = f"{self.eslint}{os.pathsep}{result['PATH']}"
        return result


def _plain(name):
    """Return a suite's name, or a test tag, as part of the names of files and databases."""
    plain = "".join(character if character.isalnum() else "_" for character in name).strip("_")
    return plain if len(plain) < LONGEST else f"{plain[: LONGEST - 11]}_{paths.digest(plain)}"


def _tag(test):
    """Return Odoo's tag for a test; that of its class where the class could not be prepared."""
    test = test.removeprefix("setUpClass (").removesuffix(")")
    module, _tests, _file, *rest = test.removeprefix("odoo.addons.").split(".")
    return f"/{module}:" + ".".join(rest[:2])


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
