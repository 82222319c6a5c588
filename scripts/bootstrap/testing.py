"""Runs the tests: those of the rating without Odoo, the others on clones of a database."""

import os
import re
import shlex
import subprocess

from . import npm, paths, systools
from .console import say, step

PURE = "tests/rating"
WORKERS = 2
PREFIX = f"cw_test_{paths.CHECKOUT}_"


def run(setting, arguments):
    """Run all tests, or those that the arguments (or ARGS=) name; return the exit code."""
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    chosen = [item for item in arguments if _is_path(item)]
    if chosen:
        pure = all(_is_pure(item) for item in chosen)
        return _pure(setting, arguments) if pure else _with_odoo(setting, arguments)
    # Arguments without a path, such as `-k name`, may leave no test in one of the two parts.
    nothing_ok = {0, 5} if arguments else {0}
    codes = [
        _pure(setting, [PURE, *arguments]),
        _with_odoo(setting, ["tests", f"--ignore={PURE}", *arguments], distribute=not arguments),
    ]
    if codes == [5, 5] or not set(codes) <= nothing_ok:
        return next((code for code in codes if code not in nothing_ok), 5)
    return 0


def _is_path(argument):
    return not argument.startswith("-") and (paths.REPO / argument.split("::")[0]).exists()


def _is_pure(argument):
    path = (paths.REPO / argument.split("::")[0]).resolve()
    return path.is_relative_to(paths.REPO / PURE)


def _pure(setting, arguments):
    say("==> Tests of the rating (without Odoo)")
    return subprocess.call(
        [setting.python, "-m", "pytest", "-p", "no:odoo", *arguments],
        cwd=paths.REPO,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _with_odoo(setting, arguments, distribute=False):
    systools.ensure_wkhtmltopdf()
    systools.ensure_chromium()
    axe = npm.ensure_axe()
    databases = setting.databases
    _drop_orphans(databases)
    template = databases.addon_template()
    name = f"{PREFIX}{os.getpid()}"
    with step("Test database"):
        databases.clone(template, name)
    environment = {
        **setting.environment,
        "CALL_WALLET_TEMPLATE": template,
        "CALL_WALLET_TEST_DATABASE": name,
        "CALL_WALLET_AXE": str(axe or ""),
    }
    command = [
        setting.python,
        "-m",
        "pytest",
        f"--odoo-config={setting.config}",
        f"--odoo-database={name}",
        "--odoo-http",
    ]
    if distribute:
        command += ["-n", str(WORKERS), "--dist=loadfile"]
    say("==> Tests with Odoo")
    try:
        return subprocess.call([*command, *arguments], cwd=paths.REPO, env=environment)
    finally:
        _drop(databases, name)


def _drop(databases, name):
    for database in databases.names(name):
        databases.drop(database)


def _drop_orphans(databases):
    """Drop what a killed test run has left."""
    for name in databases.names(PREFIX):
        process = int(re.match(r"\d+", name[len(PREFIX) :]).group())
        if not _runs(process):
            databases.drop(name)


def _runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
