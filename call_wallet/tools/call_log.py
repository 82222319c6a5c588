"""Lines of the server's log by which a call is found: its reference, and what became of it.

They name no number, customer or amount. The logger can be silenced by itself:
``--log-handler=odoo.addons.call_wallet.tools.call_log:WARNING``.
"""

import json
import logging
from collections import defaultdict

_logger = logging.getLogger(__name__)

REFERENCES_A_LINE = 100
LONGEST = 80


def log_answer(method, answer):
    """Log what a request about a hold was answered, such as ``authorize_call "m26": ok``."""
    _logger.info("%s %s: %s", method, _quoted(answer.get("call_ref")), answer["code"])


def log_results(results):
    """Log what became of reported calls, such as ``charged: "m26" "m27"`` or ``rejected (invalid_number): "m28"``."""
    if not _logger.isEnabledFor(logging.INFO):
        return
    found = defaultdict(list)
    for result in results:
        code = result.get("code") if result["result"] == "rejected" else None
        found[f"{result['result']} ({code})" if code else result["result"]].append(_quoted(result.get("call_ref")))
    for what, references in found.items():
        for at in range(0, len(references), REFERENCES_A_LINE):
            _logger.info("calls %s: %s", what, " ".join(references[at : at + REFERENCES_A_LINE]))


def _quoted(reference):
    """Return a reference in one line, whatever it has in it: what somebody sends must not look like a line of ours."""
    return json.dumps(str(reference)[:LONGEST])
