"""Automatic top-up with a provider that charges, and whose answer is lost. Real HTTP."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.tests import tagged

from .auto_topup_case import AutoTopupCase

MINUTE = timedelta(minutes=1)


class Bank(BaseHTTPRequestHandler):
    """Charges once a key, as providers do; ``answers`` says how the next requests end."""

    charged, answers, requests = {}, [], []

    def do_POST(self):
        key = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["key"]
        self.requests.append(key)
        answer = self.answers.pop(0) if self.answers else "done"
        if answer in ("lost", "broken"):
            self.charged.setdefault(key, 1)
        if answer == "lost":
            self.connection.close()
            return
        body = json.dumps({"state": "done" if key in self.charged else answer}).encode()
        self.charged.setdefault(key, 1)
        self.send_response(503 if answer == "broken" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@tagged("post_install", "-at_install", "standard")
class TestNoAnswer(AutoTopupCase):
    def setUp(self):
        super().setUp()
        Bank.charged, Bank.answers, Bank.requests = {}, [], []
        server = ThreadingHTTPServer(("127.0.0.1", 0), Bank)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        address = f"http://127.0.0.1:{server.server_port}/charge"

        def send(payment):
            """What a provider's module does: one request, under the payment's own key."""
            answer = payment._send_api_request("POST", "charge", json={"key": payment.reference})
            payment._process("demo", {"reference": payment.reference, "simulated_state": answer["state"]})

        self.patch(type(self.env["payment.transaction"]), "_send_payment_request", send)
        self.patch(type(self.env["payment.provider"]), "_build_request_url", lambda *_a, **_k: address)
        self.patch(type(self.env["payment.provider"]), "_parse_response_content", lambda _s, r, **_k: r.json())
        self._spend("15")

    def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_is_no_decline(self):
        Bank.answers = ["lost", "broken"]
        start = utcnow()
        for minutes in (0, 2, 5):
            with recorded_at(start + MINUTE * minutes):
                self._run()
        self.assertEqual(len(Bank.requests), 3)
        self.assertEqual(len(Bank.charged), 1, "one key, one charge")
        self.assertEqual(self._attempts().mapped("state"), ["done"])
        self.assertEqual(self._attempts().tries, 2)
        self.assertEqual((self.wallet.auto_topup_declines, self._kinds()), (0, []))
        self.assertBalance(self.wallet, 65)
        self.assertEqual(len(self.wallet.topup_ids.invoice_id.transaction_ids), 1)

    def test_between_two_tries_it_waits_and_nothing_else_is_charged(self):
        Bank.answers = ["lost"]
        self._run()
        self.assertEqual(len(Bank.requests), 1)
        attempt = self._attempts()
        self.assertEqual((attempt.state, attempt.transaction_id.state), ("charging", "draft"))
        self.assertIn("did not answer", attempt.sentence)
        self._run()
        self.assertEqual(len(Bank.requests), 1, "not every time the scheduled action runs")
        self.assertEqual(self._reasons(), ["payment_in_progress"])

    def test_after_a_day_without_an_answer_a_person_has_to_look(self):
        Bank.answers = ["lost"] * 5
        start = utcnow()
        for hours in (0, 1, 22, 24, 25):
            with recorded_at(start + timedelta(hours=hours)):
                self._run()
        self.assertEqual((self._attempts().state, self._attempts().reason), ("failed", "no_answer"))
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", "no_answer"))
        self.assertEqual(self._kinds(), ["auto_off"])
        self.assertEqual(len(Bank.requests), 4, "the key would not be known any more")
