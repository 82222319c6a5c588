"""Signed delivery of events to webhook endpoints, with retries."""

import hashlib
import hmac
import json
import queue
import threading
import time
import urllib.error
import urllib.request

RETRIES = (0.2, 0.5, 1, 3, 10)  # seconds; Stripe's own go on for three days
NEWEST = "2026-10-28.endive"


class Webhooks:
    """Delivers in the background, or on demand where a test is the postman."""

    def __init__(self, store):
        self.store = store
        self.queue = queue.Queue()
        self.is_paused = False
        store.listeners.append(self.enqueue)
        threading.Thread(target=self._work, daemon=True).start()

    def add(self, url, secret, api_version=NEWEST, enabled_events=("*",)):
        return self.store.new(
            "webhook_endpoint",
            "we",
            url=url,
            secret=secret,
            api_version=api_version,
            enabled_events=list(enabled_events),
            status="enabled",
        )

    def enqueue(self, event):
        if not self.is_paused:
            for endpoint in self.store.find("webhook_endpoint"):
                if {"*", event["type"]} & set(endpoint["enabled_events"]):
                    self.queue.put((endpoint, event))

    def request(self, endpoint, event):
        """Return what is sent: (url, headers, body)."""
        with self.store.lock:
            shown = self.store.render(event["data"]["object"], endpoint["api_version"])
        shown = {**event, "api_version": endpoint["api_version"], "data": {"object": shown}}
        body = json.dumps(shown).encode()
        now = int(time.time())
        signature = hmac.new(endpoint["secret"].encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        return (
            endpoint["url"],
            {"Content-Type": "application/json", "Stripe-Signature": f"t={now},v1={signature}"},
            body,
        )

    def deliver(self, endpoint, event):
        """Send once; return the HTTP status, 0 without an answer."""
        url, headers, body = self.request(endpoint, event)
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def _work(self):
        while True:
            endpoint, event = self.queue.get()
            for pause in (*RETRIES, None):
                if 200 <= self.deliver(endpoint, event) < 300 or pause is None:
                    break
                time.sleep(pause)
