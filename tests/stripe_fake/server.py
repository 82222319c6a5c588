"""The HTTP side: parsing, keys, idempotency, routes, and what tests may make go wrong."""

import hashlib
import http.server
import json
import re
import threading
import urllib.parse

from .cash import Cash
from .checkout import Checkout
from .control import Control
from .errors import StripeFault, invalid
from .money_back import MoneyBack
from .payments import Payments
from .payouts import Payouts
from .refusals import Refusals
from .store import Store
from .webhooks import NEWEST, Webhooks

OTHER_PARAMETERS = "Keys for idempotent requests can only be used with the same parameters they were first used with."


class StripeFake:
    """A Stripe account on this machine: ``url`` is its address, ``store`` what it remembers."""

    def __init__(self, port=0, state=None):
        self.store = Store(state)
        self.payments = Payments(self.store)
        self.money_back = MoneyBack(self.store, self.payments)
        self.cash = Cash(self.store)
        self.payouts = Payouts(self.store)
        self.checkout = Checkout(self.store, self.payments, lambda: self.url)
        self.webhooks = Webhooks(self.store)
        self.control = Control(self)
        self.refusals = Refusals()
        self.requests = []  # (method, path) of all API requests, for tests
        self.watch = None  # called with both of them, before anything is done
        self.answered = None  # called with both of them, before the answer is sent
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (Handler,), {"fake": self}))
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.payments.receipts = f"{self.url}/receipts"

    def start(self):
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def serve(self):
        self.http.serve_forever()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    def add_webhook(self, url, secret, api_version=NEWEST):
        with self.store.lock:
            for endpoint in self.store.find("webhook_endpoint"):
                del self.store.kind("webhook_endpoint")[endpoint["id"]]  # of an earlier start
                if endpoint["url"].partition("//")[2].partition("/")[2] != url.partition("//")[2].partition("/")[2]:
                    self.store.kind("webhook_endpoint")[endpoint["id"]] = endpoint
            return self.webhooks.add(url, secret, api_version)

    # === THE API === #

    def call(self, method, path, values):
        """Carry out a request; return the object it answers with."""
        for verb, pattern, handle in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return handle(self, *match.groups(), values)
        raise StripeFault(404, f"Unrecognized request URL ({method}: {path}).")

    def listing(self, kind, values, **wanted):
        return self.page(kind, values, self.store.find(kind, **wanted))

    def page(self, kind, values, records):
        created = values.get("created") or {}
        if isinstance(created, dict) and created.get("gte"):
            records = [record for record in records if record["created"] >= int(created["gte"])]
        types = values.get("types")
        if types and len(types) > 20:
            raise invalid("You may only specify up to 20 event types.", param="types")
        if types:
            records = [record for record in records if record["type"] in types]
        if values.get("starting_after"):
            names = [record["id"] for record in records]
            records = records[names.index(values["starting_after"]) + 1 :]
        limit = int(values.get("limit") or 10)
        if not 1 <= limit <= 100:
            raise invalid(f"This value must be between 1 and 100 (it currently is '{limit}').", param="limit")
        return self.store.listing(records[:limit], f"/v1/{kind}s", has_more=len(records) > limit)

    def customers_methods(self, name, values):
        customer = self.store.get("customer", name)["id"]
        return self.listing("payment_method", values, customer=customer, type=values.get("type"))

    def create_webhook(self, values):
        endpoint = self.webhooks.add(
            values["url"],
            f"whsec_{hashlib.sha256(values['url'].encode()).hexdigest()[:24]}",
            values.get("api_version") or NEWEST,
            values["enabled_events"],
        )
        return endpoint


def _get(kind):
    return lambda fake, name, _values: fake.store.get(kind, name)


def _list(kind, *filters):
    return lambda fake, values: fake.listing(kind, values, **{name: values.get(name) for name in filters})


def _confirm(fake, name, values):
    intent = fake.store.get("payment_intent", name)
    if values.get("payment_method"):
        intent["payment_method"] = fake.payments.payment_method(values["payment_method"])["id"]
    fake.payments.confirm(intent, off_session=values.get("off_session") == "true")
    return intent


NAME = r"/([\w]+)"
ROUTES = [
    ("POST", "/v1/customers", lambda fake, values: fake.payments.create_customer(values)),
    ("GET", "/v1/customers" + NAME, _get("customer")),
    ("GET", f"/v1/customers{NAME}/payment_methods", lambda fake, name, values: fake.customers_methods(name, values)),
    (
        "POST",
        f"/v1/customers{NAME}/funding_instructions",
        lambda fake, name, values: fake.cash.funding_instructions(name, values),
    ),
    ("GET", f"/v1/customers{NAME}/cash_balance", lambda fake, name, _values: fake.cash.balance(name)),
    (
        "GET",
        f"/v1/customers{NAME}/cash_balance_transactions{NAME}",
        lambda fake, _customer, name, _values: fake.store.get("customer_cash_balance_transaction", name),
    ),
    ("GET", "/v1/payment_methods", _list("payment_method", "customer", "type")),
    ("GET", "/v1/payment_methods" + NAME, _get("payment_method")),
    ("POST", f"/v1/payment_methods{NAME}/attach", lambda fake, name, values: fake.payments.attach(name, values)),
    ("POST", f"/v1/payment_methods{NAME}/detach", lambda fake, name, values: fake.payments.detach(name, values)),
    ("POST", "/v1/setup_intents", lambda fake, values: fake.payments.create_setup_intent(values)),
    ("GET", "/v1/setup_intents" + NAME, _get("setup_intent")),
    ("POST", "/v1/payment_intents", lambda fake, values: fake.payments.create_intent(values)),
    ("GET", "/v1/payment_intents", _list("payment_intent", "customer")),
    ("GET", "/v1/payment_intents" + NAME, _get("payment_intent")),
    ("POST", f"/v1/payment_intents{NAME}/confirm", _confirm),
    ("POST", f"/v1/payment_intents{NAME}/capture", lambda fake, name, values: fake.payments.capture(name, values)),
    ("POST", f"/v1/payment_intents{NAME}/cancel", lambda fake, name, values: fake.payments.cancel(name, values)),
    ("GET", "/v1/charges" + NAME, _get("charge")),
    (
        "GET",
        "/v1/balance_transactions",
        lambda fake, values: fake.page("balance_transaction", values, fake.payouts.movements(values)),
    ),
    ("GET", "/v1/payouts", _list("payout", "status")),
    ("POST", "/v1/payouts", lambda fake, values: fake.payouts.create(values)),
    ("GET", "/v1/payouts" + NAME, _get("payout")),
    ("GET", "/v1/balance_transactions" + NAME, _get("balance_transaction")),
    ("POST", "/v1/refunds", lambda fake, values: fake.money_back.create_refund(values)),
    ("GET", "/v1/refunds", _list("refund", "charge", "payment_intent")),
    ("GET", "/v1/refunds" + NAME, _get("refund")),
    ("GET", "/v1/disputes", _list("dispute", "charge", "payment_intent")),
    ("GET", "/v1/disputes" + NAME, _get("dispute")),
    ("POST", "/v1/checkout/sessions", lambda fake, values: fake.checkout.create(values)),
    ("GET", "/v1/checkout/sessions" + NAME, _get("checkout.session")),
    ("POST", f"/v1/checkout/sessions{NAME}/expire", lambda fake, name, values: fake.checkout.expire(name, values)),
    ("POST", "/v1/webhook_endpoints", lambda fake, values: fake.create_webhook(values)),
    ("GET", "/v1/webhook_endpoints", _list("webhook_endpoint")),
    ("GET", "/v1/events", _list("event", "type")),
    ("GET", "/v1/events" + NAME, _get("event")),
]


class Handler(http.server.BaseHTTPRequestHandler):
    """One request. Keys, idempotency and errors are the same for all of the API."""

    fake = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        """Nothing: keys and customers' data stay out of logs."""

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def do_DELETE(self):
        self._answer("DELETE")

    def _answer(self, method):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if url.path.startswith("/_test/"):
            return self._send(*self.fake.control.handle(method, url.path, body))
        if url.path.startswith("/c/pay/"):
            return self._page(method, url.path.rpartition("/")[2], body)
        if url.path.startswith("/receipts/"):
            return self._receipt(url.path.rpartition("/")[2])
        if url.path == "/":
            return self._send_bytes(200, b"fake Stripe", "text/plain")
        form = body if method == "POST" or not url.query else url.query
        with self.fake.store.lock:
            status, answer = self._api(method, url.path, form, body if method == "POST" else url.query)
            self.fake.store.save()
        if self.fake.answered:
            self.fake.answered(method, url.path)
        if self.fake.control.take("drop", url.path):
            self.close_connection = True
            self.connection.close()
            return None
        return self._send(status, answer)

    def _api(self, method, path, form, body):
        self.fake.requests.append((method, path))
        if self.fake.watch:
            self.fake.watch(method, path)
        if not self._authorised():
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided."}}
        key = self.headers.get("Idempotency-Key") if method == "POST" else None
        try:
            self.fake.refusals.check(method, path, bool(key))
        except StripeFault as fault:
            return fault.status, fault.body
        fingerprint = hashlib.sha256(f"{method} {path}\n{body}".encode()).hexdigest()
        if key in self.fake.store.answers:
            first, status, answer = self.fake.store.answers[key]
            if first != fingerprint:
                return 400, {"error": {"type": "idempotency_error", "message": OTHER_PARAMETERS}}
            return status, answer
        if self.fake.control.take("fail", path):
            return 500, {"error": {"type": "api_error", "message": "Something went wrong."}}
        values = parse(form)
        try:
            record = self.fake.call(method, path, values)
            status, answer = 200, self._render(record, values.get("expand") or [])
        except StripeFault as fault:
            status, answer = fault.status, fault.body
        except (KeyError, ValueError) as error:
            status, answer = 400, invalid(f"Missing or malformed parameter: {error}").body
        if key:
            self.fake.store.answers[key] = (fingerprint, status, json.loads(json.dumps(answer)))
        return status, answer

    def _authorised(self):
        return re.fullmatch(r"Bearer (sk|rk)_test_\w+", self.headers.get("Authorization") or "")

    def _render(self, record, expand):
        version = self.headers.get("Stripe-Version") or NEWEST
        if record["object"] == "list":
            return {**record, "data": [self.fake.store.render(item, version, expand) for item in record["data"]]}
        if "id" not in record:
            return record
        return self.fake.store.render(record, version, expand)

    def _page(self, method, name, body):
        checkout, problem = self.fake.checkout, ""
        with self.fake.store.lock:
            try:
                if method == "POST":
                    values = parse(body)
                    number = re.sub(r"\s", "", values.get("number") or "")
                    address = checkout.pay(name, number, authenticated=bool(values.get("authenticated")))
                    self.fake.store.save()
                    self.send_response(303)
                    self.send_header("Location", address)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
            except StripeFault as fault:
                problem = str(fault)
            try:
                page, status = checkout.page(name, problem), 402 if problem else 200
            except StripeFault:
                page, status = "<h1>There is no such payment page.</h1>", 404
        self._send_bytes(status, page.encode(), "text/html; charset=utf-8")

    def _receipt(self, name):
        charge = self.fake.store.kind("charge").get(name)
        if not charge:
            return self._send_bytes(404, b"There is no such receipt.", "text/plain")
        amount = f"{charge['currency'].upper()} {charge['amount'] / 100:,.2f}"
        text = f"Receipt {name}\n{charge['description']}\n{amount} paid\n"
        return self._send_bytes(200, text.encode(), "text/plain; charset=utf-8")

    def _send(self, status, answer):
        self._send_bytes(status, json.dumps(answer).encode(), "application/json")

    def _send_bytes(self, status, content, type):
        self.send_response(status)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Request-Id", "req_fake")
        if status == 429 and self.fake.refusals.retry_after:
            self.send_header("Retry-After", str(self.fake.refusals.retry_after))
        self.end_headers()
        self.wfile.write(content)


def parse(form):
    """``a[b]=1&c[]=2&d[0][e]=3`` as nested dictionaries and lists."""
    result = {}
    for name, value in urllib.parse.parse_qsl(form, keep_blank_values=True):
        keys = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        place = result
        for position, key in enumerate(keys[:-1]):
            place = place.setdefault(key or str(len(place)), {}) if position or key else place
        key = keys[-1]
        place[key or str(len(place))] = value
    return _lists(result)


def _lists(value):
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(item) for key, item in value.items()}
