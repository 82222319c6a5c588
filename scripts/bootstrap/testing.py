"""Runs the tests: those of the rating without Odoo, the others on clones of a database.

`make test`, `make rest` and `make long` share them out, by markers: see `tests/conftest.py`.
"""

import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from . import clocks, npm, paths, systools
from .console import say, step

PURE = "tests/rating"
BESIDE = "tests/beside"  # for `make peers`
IGNORED = [f"--ignore={PURE}", f"--ignore={BESIDE}"]
WORKERS = 2
PREFIX = f"cw_test_{paths.CHECKOUT}_"
# Tests that mind which day it is, run at awkward moments as well; `test_hours.py` chooses its moments itself.
DATED = [
    f"tests/test_{name}.py"
    for name in (
        "notices",
        "topup_credit",
        "topup_documents",
        "topup_limit",
        "wallet_breakage",
        "wallet_dashboard",
    )
]
# The moments of `make rest`; each costs a minute or two, the others are left to `make long`. The first is UTC's last
# hour as well.
SOON = (clocks.LEAP_DAY, clocks.MONTH_ENDS_WEST)


def run(setting, arguments):
    """Run the quick tests, or those that the arguments (or ARGS=) name; return the exit code."""
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    clock = clocks.chosen()
    chosen = [item for item in arguments if _is_path(item)]
    if chosen:
        pure = all(_is_pure(item) for item in chosen)
        return _pure(setting, arguments) if pure else _with_odoo(setting, arguments, clock=clock)
    # Arguments without a path, such as `-k name`, may leave no test in one of the two parts.
    nothing_ok = {0, 5} if arguments else {0}
    codes = [
        _pure(setting, [PURE, *arguments]),
        _with_odoo(
            setting,
            ["tests", *IGNORED, *arguments],
            distribute=not arguments,
            command=None if arguments else "test",
            clock=clock,
        ),
    ]
    if codes == [5, 5] or not set(codes) <= nothing_ok:
        return next((code for code in codes if code not in nothing_ok), 5)
    return 0


def run_rest(setting, arguments):
    """Run what CI runs after `run`: browsers, telephony, upgrades, what mends itself; and two awkward moments."""
    return _run_more(setting, arguments, "rest", SOON)


def run_long(setting, arguments):
    """Run what takes minutes and seldom breaks: the tests marked so, and others at every awkward moment."""
    return _run_more(setting, arguments, "long", None)


def _run_more(setting, arguments, command, moments):
    arguments = arguments or shlex.split(os.environ.get("ARGS", ""))
    codes = [
        0 if arguments else _at_awkward_moments(setting, moments),
        _with_odoo(setting, ["tests", *IGNORED, *arguments], distribute=not arguments, command=command),
    ]
    return max(codes)


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


def run_on(setting, template, arguments):
    """Run tests on a clone of another template than the usual one; return the exit code."""
    return _with_odoo(setting, arguments, template=template)


def _with_odoo(setting, arguments, distribute=False, command=None, clock=None, template=None):
    systools.ensure_wkhtmltopdf()
    systools.ensure_chromium()
    axe = npm.ensure_axe()
    databases = setting.databases
    _drop_orphans(databases)
    name = f"{PREFIX}{os.getpid()}{f'_{paths.digest(template)}' if template else ''}"
    template = template or databases.addon_template()
    with step("Test database"):
        databases.clone(template, name, clock and clocks.shift(clock))
    environment = {**_environment(setting, template, name, clock), "CALL_WALLET_AXE": str(axe or "")}
    if command:
        environment["CALL_WALLET_TESTS"] = command
    pytest = _command(setting, name)
    if distribute:
        # In the order that tests/conftest.py gives them.
        pytest += ["-n", str(WORKERS), "--dist=loadfile", "--no-loadscope-reorder"]
    say(f"==> Tests with Odoo{f', at {clock:%Y-%m-%dT%H:%M:%SZ}' if clock else ''}")
    try:
        return subprocess.call([*pytest, *arguments], cwd=paths.REPO, env=environment)
    finally:
        _drop(databases, name)


def _at_awkward_moments(setting, titles=None):
    """Run the tests that mind the day at moments to come; return the exit code. What fails is shown whole."""
    say(f"==> {len(DATED)} files of tests at awkward moments")
    moments = clocks.awkward(datetime.now(UTC))
    moments = {title: moment for title, moment in moments.items() if titles is None or title in titles}
    with ThreadPoolExecutor(WORKERS) as pool:
        runs = list(pool.map(lambda item: _at(setting, *item), enumerate(moments.values())))
    for (title, moment), result in zip(moments.items(), runs, strict=True):
        output = result.stdout.strip()
        if result.returncode:
            say(output)
        say(f"    {title}, CLOCK={moment:%Y-%m-%dT%H:%M:%SZ}: {output.splitlines()[-1].strip('= ')}")
    return max(result.returncode for result in runs)


def _at(setting, number, moment):
    databases = setting.databases
    template = databases.addon_template()
    name = f"{PREFIX}{os.getpid()}_{number}"
    databases.clone(template, name, clocks.shift(moment))
    try:
        return subprocess.run(
            [*_command(setting, name), "-q", *DATED],
            cwd=paths.REPO,
            env=_environment(setting, template, name, moment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    finally:
        _drop(databases, name)


def _environment(setting, template, name, clock):
    result = {**setting.environment, "CALL_WALLET_TEMPLATE": template, "CALL_WALLET_TEST_DATABASE": name}
    if clock:
        moved = clocks.environment(clock)
        moved["PYTHONPATH"] = os.pathsep.join([str(clocks.FOLDER), result["PYTHONPATH"]])
        result.update(moved)
    return result


def _command(setting, name):
    return [
        setting.python,
        "-m",
        "pytest",
        f"--odoo-config={setting.config}",
        f"--odoo-database={name}",
        "--odoo-http",
    ]


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
