"""What Schemathesis makes up from the API's description is answered as described, and breaks nothing."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from .api_document import document
from .load_site import SEED, Site, authorize, say

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

# What is looked at in each answer. That wrong calls are refused is seen elsewhere: of a list, one by one and with 200.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
# Half a minute. `CALL_WALLET_FUZZ=all` also tries the limits of each field one by one, and takes some minutes.
PHASES, EXAMPLES = "examples,fuzzing", 10
if os.environ.get("CALL_WALLET_FUZZ") == "all":
    PHASES, EXAMPLES = "examples,coverage,fuzzing", 100
LONGEST = 900  # seconds, on the slowest machine
REFERENCES = ["one", "two", "three"]


def aimed(api):
    """Return the document for requests that get somewhere: at one wallet, mostly with the same few references."""
    api = json.loads(json.dumps(api).replace('"ACME"', '"FUZZ"').replace('"call-7f3a"', '"one"'))
    # A hold that another example has released is not extended.
    extend = api["paths"]["/json/2/call.wallet/extend_hold"]["post"]["requestBody"]
    extend["content"]["application/json"]["examples"]["extend_hold"]["value"]["call_ref"] = "two"
    # Another database is another test's.
    for operation in (path["post"] for path in api["paths"].values()):
        operation["parameters"] = []
    _aim([operation["post"]["requestBody"] for operation in api["paths"].values()])
    _aim([api["components"]["schemas"][name] for name in ("Call", "AmendedCall", "VoidedCall")])
    return api


def _aim(node):
    if isinstance(node, list):
        for one in node:
            _aim(one)
    elif isinstance(node, dict):
        fields = node.get("properties", {})
        if fields.get("account", {}).get("type") == "string":
            fields["account"] = {"enum": ["FUZZ", "NOBODY"]}
        if fields.get("call_ref", {}).get("maxLength"):
            fields["call_ref"] = {"anyOf": [{"enum": REFERENCES}, fields["call_ref"]]}
        for one in node.values():
            _aim(one)


def test_made_up_requests_are_answered_as_described_and_break_nothing(private_registry, start_odoo, tmp_path):
    site = Site(private_registry)
    site.make_wallets("FUZZ")
    site.server = server = start_odoo()
    for reference in REFERENCES:
        assert authorize(site.platform, "FUZZ", reference)["allowed"]
    (tmp_path / "openapi.json").write_text(json.dumps(aimed(document())))
    say(f"seed {SEED}")

    run = subprocess.run(
        [
            Path(os.environ["CALL_WALLET_PYTHON"]).with_name("schemathesis"), "run", tmp_path / "openapi.json",
            f"--url={server.url}", f"--header=Authorization: bearer {site.platform_key}", f"--checks={CHECKS}",
            f"--phases={PHASES}", f"--max-examples={EXAMPLES}",
            f"--seed={SEED}", "--workers=2", "--suppress-health-check=all", "--no-color",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST,
    )  # fmt: skip

    say(run.stdout + run.stderr)
    assert run.returncode == 0
    paths = document()["paths"]
    assert f"Tested: {len(paths)}" in run.stdout
    log = server.log.read_text(errors="replace")
    assert [path for path in paths if f'"POST {path} HTTP/1.1" 200' not in log] == [], "never got anywhere"
    assert "Traceback" not in log
    site.assert_sound()
