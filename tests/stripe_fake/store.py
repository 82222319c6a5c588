"""What the fake remembers: objects by kind, events about them, answers by idempotency key."""

import copy
import json
import secrets
import threading
import time

from .errors import missing

OLD_VERSION = "2019-05-16"


class Store:
    """All objects of one account. Whoever works with it holds ``lock``."""

    def __init__(self, path=None):
        self.lock = threading.RLock()
        self.path = path
        self.objects = {}  # kind -> {id: object}
        self.answers = {}  # idempotency key -> (fingerprint, status, body)
        self.listeners = []  # called with each event
        self.clock = time.time  # under which objects are made
        if path and path.exists():
            self.objects = json.loads(path.read_text())

    def clear(self):
        self.objects.clear()
        self.answers.clear()

    def save(self):
        if self.path:
            self.path.write_text(json.dumps(self.objects))

    def kind(self, kind):
        return self.objects.setdefault(kind, {})

    def new(self, kind, prefix, **values):
        record = {
            "id": f"{prefix}_{secrets.token_hex(8)}",
            "object": kind,
            "created": int(self.clock()),
            "livemode": False,
            **values,
        }
        self.kind(kind)[record["id"]] = record
        return record

    def get(self, kind, name, param="id"):
        try:
            return self.kind(kind)[name]
        except KeyError:
            raise missing(kind, name, param) from None

    def find(self, kind, **wanted):
        """Objects of a kind with these values, newest first."""
        found = [
            record
            for record in self.kind(kind).values()
            if all(value is None or record.get(key) == value for key, value in wanted.items())
        ]
        return found[::-1]

    def event(self, type, record):
        """Remember that something happened, and tell who listens."""
        event = self.new("event", "evt", type=type, data={"object": copy.deepcopy(record)}, api_version=None)
        for listener in self.listeners:
            listener(event)
        return event

    # === HOW OBJECTS ARE SHOWN === #

    def render(self, record, version, expand=()):
        """Return an object as a version of the API shows it, with what was asked for in full."""
        shown = copy.deepcopy(record)
        if version == OLD_VERSION:
            self._age(shown)
        for path in expand:
            self._expand(shown, path.removeprefix("data.").split("."), version)
        return shown

    def _age(self, shown):
        """Bring an object into the shape that Odoo's own module knows."""
        if shown["object"] == "payment_intent":
            charges = self.find("charge", payment_intent=shown["id"])
            shown["charges"] = self.listing([self.render(charge, OLD_VERSION) for charge in charges], "/v1/charges")
            shown.pop("latest_charge", None)
        if shown["object"] == "charge":
            shown["refunds"] = self.listing(self.find("refund", charge=shown["id"]), "/v1/refunds")

    def _expand(self, shown, path, version):
        if not isinstance(shown, dict) or path[0] not in shown or shown[path[0]] is None:
            return
        value = shown[path[0]]
        if isinstance(value, str):
            value = next((objects[value] for objects in self.objects.values() if value in objects), value)
            if isinstance(value, dict):
                shown[path[0]] = self.render(value, version)
        if path[1:]:
            self._expand(shown[path[0]], path[1:], version)

    @staticmethod
    def listing(records, url, has_more=False):
        return {"object": "list", "data": records, "has_more": has_more, "url": url}
