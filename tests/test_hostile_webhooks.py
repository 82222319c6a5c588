"""Messages in Stripe's name that nothing can be done with: 403 unless they are signed, 400 if they are."""

import json
import time

from odoo.tools import mute_logger

from .stripe_case import OWN_SECRET, StripeCommon, signed

EVENT = {"id": "evt_1", "type": "payout.paid", "data": {"object": {"id": "po_1"}}}


class TestHostileWebhooks(StripeCommon):
    def _post(self, body, header=None, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Content-Type": "application/json",
            "Stripe-Signature": header or signed(body, OWN_SECRET),
            **headers,
        }
        return self.url_open("/call_wallet/stripe/webhook", data=body, headers=headers).status_code

    def _with(self, **changes):
        event = json.loads(json.dumps(EVENT))
        for path, value in changes.items():
            *way, name = path.split("__")
            place = event
            for step in way:
                place = place[step]
            place[name] = value
        return event

    @mute_logger("odoo.http")
    def test_what_is_signed_and_unusable_is_a_bad_request(self):
        bodies = [
            b" ",
            b"{",
            b"[]",
            b"5",
            b"null",
            b"\xff\xfe",
            b'{"id": "\xe9"}',
            b'"x"',
            b"[" * 100_000,
            b'{"id":' + b"9" * 10_000 + b"}",
            {},
            {"id": "e"},
        ]
        for value in (None, 5, True, "", [], {}, "a\0b", "\ud800", "x" * 3_000):
            bodies += [
                self._with(**{path: value}) for path in ("id", "type", "data", "data__object", "data__object__id")
            ]
        bodies += [
            self._with(data__object__customer=value)
            for value in (5, [], {"id": "cus_1"}, "a\0b", "\ud800", "x" * 3_000)
        ]
        for body in bodies:
            with self.subTest(body=str(body)[:80]):
                self.assertEqual(self._post(body), 400)
        self.assertFalse(self.env["call.wallet.stripe.event"].search([("reference", "=", "evt_1")]))

    @mute_logger("odoo.http", "odoo.addons.call_wallet.tools.stripe_client")
    def test_what_is_signed_too_late_or_too_early_is_refused(self):
        body, now = json.dumps(self._with(type="other.event")).encode(), time.time()
        for when, status in ((now - 700, 403), (now + 700, 403), (now + 60, 200), (now - 60, 200)):
            with self.subTest(when=round(when - now)):
                self.assertEqual(self._post(body, signed(body, OWN_SECRET, when=when)), status)
        for header in (
            "t=, v1=x",
            "v1=x",
            "t=\u0665,v1=x",
            "t=" + "9" * 5_000 + ",v1=x",
            "=",
            ",",
            "t",
            "t=1e9,v1=x",
            "\x00",
        ):
            with self.subTest(header=header[:20]):
                self.assertIn(self._post(body, header.encode("latin-1", "replace")), (400, 403))

    @mute_logger("odoo.http", "odoo.addons.call_wallet.tools.stripe_client")
    def test_what_is_longer_than_any_event_is_not_read(self):
        body = json.dumps(self._with(padding="x" * 1_100_000)).encode()
        self.assertEqual(self._post(body), 413)
        self.assertEqual(self._post(json.dumps(self._with(type="other.event", padding="x" * 900_000)).encode()), 200)

    @mute_logger("odoo.http", "odoo.addons.call_wallet.tools.stripe_client")
    def test_other_kinds_of_bodies_are_refused(self):
        body = json.dumps(EVENT).encode()
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "x"):
            with self.subTest(kind=kind):
                self.assertLess(self._post(body + b" ", signed(body, OWN_SECRET), **{"Content-Type": kind}), 500)
