"""What the tests of providers' webhooks have in common."""

import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.tools import mute_logger

from .test_sources import SourceCase

DOCS = Path(__file__).resolve().parents[1] / "docs/sources"


class ProviderCase(SourceCase):
    def _make_source_of(self, company, kind, **values):
        """Return a source of another company, in which nobody of these tests works."""
        return self.env["call.source"].sudo().create({"name": kind, "kind": kind, "company_id": company.id, **values})

    def _later(self, minutes=3):
        """Let time go by, so that calls are looked at again."""
        with recorded_at(utcnow() + timedelta(minutes=minutes)):
            self.env["call.source.call"]._cron_advance()
        self.env.invalidate_all()

    def _attack(self, source, body, headers):
        """Send what nobody sends; the answer must be one of ours."""
        url = f"{self.base_url()}/call_wallet/source/{source.token}"
        with mute_logger("odoo.http", "werkzeug"):
            answer = self.opener.post(url, data=body, headers=headers, timeout=12)
        self.assertIn(answer.status_code, (200, 400, 403), answer.text[:300])
        self.env.invalidate_all()

    def _assert_none_is_tried_again(self, source):
        """What cannot be used is told at once, and is not read ten times."""
        messages = self.env["call.source.message"].search([("source_id", "=", source.id)])
        self.assertTrue(messages)
        self.assertLessEqual(set(messages.mapped("state")), {"done", "failed"})

    def _try_it_as_documented(self, kind, **environment):
        """Run the examples of a kind's page, in the order and the shell that it names; return what each has printed.

        What differs from one server to the next, and the page sets in lines of their own, is in the environment.
        """
        blocks = re.findall(r"^```bash\n(.*?)^```$", (DOCS / f"{kind}.md").read_text(), re.M | re.S)
        with TemporaryDirectory() as folder, self.allow_requests(all_requests=True):
            for block in blocks:
                script = re.sub("^SOURCE=.*\n", "", block, flags=re.M)
                source = self.env["call.source"].search([("kind", "=", kind)], limit=1)
                address = f"{self.base_url()}/call_wallet/source/{source.token}?account={self.wallet.account_ref}"
                self.env.flush_all()
                run = subprocess.run(
                    ["bash", "-euc", script],
                    env={**os.environ, "SOURCE": address, **environment},
                    cwd=folder, capture_output=True, text=True, timeout=60, check=False,
                )  # fmt: skip
                self.assertEqual(run.returncode, 0, run.stderr)
                self.env.invalidate_all()
                yield run.stdout
