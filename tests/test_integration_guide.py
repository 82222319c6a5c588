"""The integration guide's examples run as they stand, one after another, and are answered as it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .client_package import FOLDER
from .load_site import Site

pytestmark = pytest.mark.real_commits

GUIDE = Path(__file__).resolve().parents[1] / "docs/integration.md"
BLOCK = re.compile(r"^```(bash|python|json)\n(.*?)^```$", re.M | re.S)
# What differs from one database to the next. All else is as the guide has it, to the letter.
OF_THE_MOMENT = {
    "hold", "expires_at", "funds_seconds", "balance", "available", "balance_after", "transaction", "event", "id",
    "timestamp", "sequence", "date", "reported_at", "corrected_at", "rejection",
}  # fmt: skip


def steady(node):
    if isinstance(node, list):
        return [steady(one) for one in node]
    if isinstance(node, dict):
        return {name: None if name in OF_THE_MOMENT else steady(value) for name, value in node.items()}
    return node


def test_the_guide_s_examples_run_and_are_answered_as_it_says(private_registry, start_odoo, tmp_path):
    site = Site(private_registry)
    site.server = start_odoo()
    environment = {
        **os.environ, "WALLET_URL": site.server.url, "WALLET_KEY": site.platform_key, "PYTHONPATH": str(FOLDER),
        "SPOOL": str(tmp_path / "spool"), "WALLET_WEBHOOK_SECRET": "whsec_c2VjcmV0",
    }  # fmt: skip

    said, kinds = None, []
    for kind, block in BLOCK.findall(GUIDE.read_text()):
        kinds.append(kind)
        if kind == "json":
            assert steady(json.loads(said)) == steady(json.loads(block)), said
            continue
        if block.startswith("export "):
            continue  # the server of `make run`; here it is the test's own
        command = ["bash", "-euc", block] if kind == "bash" else [sys.executable, "-c", block]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path)
        assert run.returncode == 0, f"{block}\n{run.stdout}\n{run.stderr}"
        said = run.stdout

    assert kinds.count("bash") > 3 and kinds.count("python") > 1
    assert len({"guide-1", "guide-2", "guide-3"} & set(site.charges("ACME"))) == 3
    site.assert_sound()
