"""The commands of the Makefile and of the scripts beside it."""

import os
import shlex
import shutil
import subprocess
import sys

from . import demo, demo_telephony, i18n, lint, openapi, paths, peers, testing
from .console import StepError, is_in_use, report, run_logged, say, step
from .postgres import Server
from .setting import Setting


def main(arguments):
    """Run one command; return the exit code."""
    name, *rest = arguments or ["help"]
    command = COMMANDS.get(name)
    if not command:
        say("usage: python3 -m bootstrap " + "|".join(COMMANDS))
        return 2
    try:
        return command(Setting(), rest) or 0
    except StepError as error:
        report(error)
        return 1
    except KeyboardInterrupt:
        say("\nstopped; run it again to go on from here")
        return 130


def odoo(setting, arguments):
    """Run Odoo's own command line in place of this program."""
    command = setting.odoo_command(*arguments)
    os.execve(command[0], command, setting.environment)


def freshdb(setting, arguments):
    """Make NAME a fresh clone of the base template; with --addon of the one with call_wallet."""
    names = [item for item in arguments if not item.startswith("-")]
    if len(names) != 1:
        say("usage: scripts/freshdb [--addon] NAME")
        return 2
    databases = setting.databases
    addon = "--addon" in arguments
    origin = databases.addon_template() if addon else databases.base_template()
    databases.clone(origin, names[0])
    say(f"database {names[0]} is a clone of {origin}")
    return 0


# === COMMANDS OF THE MAKEFILE === #


def run(setting, _arguments):
    demo.serve(setting)


def make_demo(setting, _arguments):
    demo.ensure(setting)
    demo.summary()


def pictures(setting, arguments):
    """Take the documents' pictures: of a demo made anew, served as `make run` serves it, without calls that come in."""
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    os.environ["FRESH"] = "1"
    port = demo.free_port()
    demo.prepare_to_serve(port)
    demo.ensure(setting)
    script = paths.REPO / "scripts/screenshots.py"
    with demo.served(setting, port, is_live=False):
        command = [setting.python, script, f"http://localhost:{port}", *arguments]
        return subprocess.call(command, cwd=paths.REPO, env=setting.environment)


def shell(setting, arguments):
    """Open a shell on the demo database; a script on standard input is run in it."""
    database = demo.ensure(setting)
    command = setting.odoo_command("shell", "-d", database, "--no-http", "--log-level=warn", *arguments)
    os.execve(command[0], command, setting.environment)


def bench(setting, arguments):
    """Run the benchmarks with the variables that lead to the server and its databases."""
    return run_script(setting, "benchmarks/run.py", arguments, setting.databases.addon_template())


def audit(setting, arguments):
    """Run the auditor's check of both ledgers at its full size."""
    return run_script(setting, "tests/audit.py", arguments, setting.databases.charts_template())


def setups(setting, arguments):
    """Run the main flow in every set-up, not only in those of `make rest`."""
    os.environ["CALL_WALLET_SETUPS"] = "all"
    return testing.run(setting, ["tests/test_setups.py", *(arguments or shlex.split(os.environ.get("ARGS", "")))])


def properties(setting, arguments):
    """Try what must always hold on random input, for FOR= seconds a machine, from the seed SEED= on."""
    os.environ["CALL_WALLET_PROPERTIES"] = os.environ.get("FOR") or "600"
    os.environ["CALL_WALLET_SEED"] = os.environ.get("SEED") or "1"
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    return testing.run(setting, ["tests/properties", "-s", "--tb=short", *arguments])


def run_script(setting, name, arguments, template):
    """Run a script with the variables that lead to the server and to the template that it clones."""
    script = paths.REPO / name
    if not script.exists():
        raise StepError(f"{name} is missing", "restore it from Git")
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    return subprocess.call(
        [setting.python, script, *arguments],
        cwd=paths.REPO,
        env={**setting.environment, "CALL_WALLET_TEMPLATE": template},
    )


def soak(setting, arguments):
    """Place a thousand real calls at the connector for Asterisk, fifty at once; kill servers; or go on for an hour."""
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    name = next((name for name in ("crash", "steady") if any(f"--{name}" in one for one in arguments)), "asterisk")
    return run_script(setting, f"tests/{name}_soak.py", arguments, setting.databases.addon_template())


def cluster(setting, arguments):
    """Run two Odoo servers with proxy, pool and replica, and kill each in turn while everybody works."""
    return run_script(setting, "tests/cluster_soak.py", arguments, setting.databases.addon_template())


def stop(_setting, _arguments):
    """Stop the server, the usual one or that of CALL_WALLET_PG, unless it is in use."""
    server = Server()
    if server.is_used():
        say("the private PostgreSQL goes on: something is connected to it")
    elif server.stop():
        say("stopped the private PostgreSQL")


def clean(setting, arguments):
    """Remove what was made in the tree, and stop the server unless it is in use; the caches stay.

    Refused while the demo is served from here: its files would be gone under the server.
    """
    if is_in_use(demo.SERVED):
        raise StepError("the demo is being served from this folder", "end `make run` with Ctrl-C, then run it again")
    stop(setting, arguments)
    shutil.rmtree(paths.BUILD, ignore_errors=True)
    for folder in ("call_wallet", "call_wallet_voip_oca", "tests", "scripts", "benchmarks", "clients", "connectors"):
        for cached in sorted((paths.REPO / folder).rglob("__pycache__")):
            shutil.rmtree(cached, ignore_errors=True)
    say(f"removed {paths.BUILD.name}/; the caches stay in {paths.CACHE}")


def lock(_setting, _arguments):
    """Renew the lock file from requirements.in."""
    folder = paths.CACHE / "uv"
    with step("Renewing requirements.lock"):
        run_logged([sys.executable, "-m", "venv", "--clear", folder], "lock")
        run_logged([folder / "bin/pip", "install", "uv"], "lock")
        for source, target, *options in LOCKS:
            run_logged(
                [
                    folder / "bin/uv",
                    "pip",
                    "compile",
                    "--no-config",
                    "--universal",
                    "--upgrade",
                    "--python-version=3.11",
                    "--generate-hashes",
                    "--no-header",
                    "--no-annotate",
                    "--no-emit-index-url",
                    *options,
                    source,
                    "-o",
                    target,
                ],
                "lock",
                cwd=paths.REPO,
            )


LOCKS = [
    ("requirements.in", "requirements.lock"),
    ("scripts/bootstrap/postgres.in", "scripts/bootstrap/postgres.lock"),
    ("scripts/bootstrap/oca.in", "scripts/bootstrap/oca.lock", "--no-deps"),
]
COMMANDS = {
    "run": run,
    "demo": make_demo,
    "test": testing.run,
    "rest": testing.run_rest,
    "long": testing.run_long,
    "pictures": pictures,
    "shell": shell,
    "bench": bench,
    "audit": audit,
    "setups": setups,
    "properties": properties,
    "telephony": demo_telephony.run,
    "peers": peers.run,
    "soak": soak,
    "cluster": cluster,
    "lint": lint.run,
    "format": lint.write_format,
    "pot": i18n.renew,
    "openapi": openapi.renew,
    "clean": clean,
    "stop": stop,
    "lock": lock,
    "odoo": odoo,
    "freshdb": freshdb,
}
