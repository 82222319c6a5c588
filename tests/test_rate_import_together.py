"""Several people import into one plan at once, through several processes. Real commits, a database of its own."""

import base64
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from .real_commits import environment

pytestmark = pytest.mark.real_commits

PATIENCE = 60
HEADER = "prefix,destination,price_per_minute"


@pytest.fixture
def people(private_registry, odoo_server):
    """A plan with two rates, and who may import into it: ``ask(method, import)`` goes through the server."""
    return People(private_registry, odoo_server.url)


class People:
    def __init__(self, registry, url):
        self.registry, self.url = registry, url
        with environment(registry) as env:
            dollar = env.ref("base.USD")
            rates = [(0, 0, {"prefix": prefix, "price_per_minute": "0.01"}) for prefix in ("1", "44")]
            plan = env["call.rate.plan"].create({"name": "Together", "currency_id": dollar.id, "rate_ids": rates})
            group = env.ref("call_wallet.group_finance_manager").id
            user = env["res.users"].create({"name": "Fin", "login": "fin.together", "group_ids": [(6, 0, [group])]})
            keys = env["res.users.apikeys"].with_user(user).sudo()
            self.key = keys._generate("rpc", "together", datetime.now() + timedelta(days=1))
            self.plan, self.user = plan.id, user.id
            env.cr.commit()
        registry.signal_changes()

    def preview(self, *lines):
        """Return the id of an import of these lines, previewed."""
        with environment(self.registry, self.user) as env:
            file = base64.b64encode("\n".join([HEADER, *lines]).encode())
            values = {"plan_id": self.plan, "file": file, "filename": "deck.csv", "valid_from": "2026-11-01"}
            found = env["call.rate.import"].create(values)
            found.action_preview()
            env.cr.commit()
            return found.id

    def ask(self, method, import_id):
        """Return (HTTP status, what was answered)."""
        request = urllib.request.Request(
            f"{self.url}/json/2/call.rate.import/{method}",
            json.dumps({"ids": [import_id]}).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["message"]

    def at_once(self, *asked):
        """Ask for (method, import) each, all of them at one moment; return what was answered in the same order."""
        with self._nobody_gets_on() as waiting, ThreadPoolExecutor(len(asked)) as pool:
            answers = [pool.submit(self.ask, *one) for one in asked]
            waiting(len(asked))
        return [answer.result() for answer in answers]

    @contextmanager
    def _nobody_gets_on(self):
        """Hold the plan until so many others wait for it."""
        with self.registry.cursor() as cr, self.registry.cursor() as watch:

            def wait(count):
                deadline = time.monotonic() + PATIENCE
                while time.monotonic() < deadline:
                    watch.execute(
                        """
                        SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND wait_event_type = 'Lock'
                        """
                    )
                    [others] = watch.fetchone()
                    # Within one transaction the answer stays the same.
                    watch.rollback()
                    if others >= count:
                        cr.rollback()
                        return
                    time.sleep(0.05)
                raise AssertionError("they do not wait for the plan")

            cr.execute("SELECT FROM call_rate_plan WHERE id = %s FOR UPDATE", [self.plan])
            yield wait

    def rates(self):
        """Return [(prefix, price, begins, ends)] of the plan's rates."""
        with environment(self.registry) as env:
            rates = env["call.rate"].search([("plan_id", "=", self.plan)], order="prefix, id")
            return [(r.prefix, r.price_per_minute, r.valid_from or None, r.valid_to or None) for r in rates]


NOVEMBER = datetime(2026, 11, 1)


def test_of_two_imports_at_once_one_is_applied_and_the_other_is_to_be_previewed_again(people):
    before = people.rates()
    mine, hers = people.preview("1,USA,0.02"), people.preview("1,USA,0.03", "7,Russia,0.05")

    answers = people.at_once(("action_apply", mine), ("action_apply", hers))

    assert sorted(status for status, _answer in answers) == [200, 422], answers
    refused = [answer for status, answer in answers if status != 200]
    assert "changed since the preview" in refused[0]
    first, second = (mine, hers) if answers[0][0] == 200 else (hers, mine)
    ended = [price for prefix, price, _begins, ends in people.rates() if prefix == "1" and ends == NOVEMBER]
    assert ended == [Decimal("0.01")], "the old rate ended once"
    # Seen anew, the other one is applied, and each can be undone in the order in which they came.
    assert people.ask("action_preview", second)[0] == 200
    assert people.ask("action_apply", second) == (200, True)
    status, answer = people.ask("action_undo", first)
    assert status == 422 and "Undo the later import" in answer
    assert people.ask("action_undo", second) == (200, True)
    assert people.ask("action_undo", first) == (200, True)
    assert people.rates() == before


def test_one_import_that_two_click_on_is_applied_once_and_undone_once(people):
    before = people.rates()
    one = people.preview("1,USA,0.02", "7,Russia,0.05")

    assert people.at_once(("action_apply", one), ("action_apply", one)) == [(200, True)] * 2

    assert people.rates() == [
        ("1", Decimal("0.01"), None, NOVEMBER),
        ("1", Decimal("0.02"), NOVEMBER, None),
        ("44", Decimal("0.01"), None, None),
        ("7", Decimal("0.05"), NOVEMBER, None),
    ]
    assert people.at_once(("action_undo", one), ("action_undo", one)) == [(200, True)] * 2
    assert people.rates() == before


def test_an_undo_beside_another_import_of_the_same_rates_leaves_one_of_them_done(people):
    before = people.rates()
    first = people.preview("1,USA,0.02")
    assert people.ask("action_apply", first) == (200, True)
    second = people.preview("1,USA,0.03")

    answers = people.at_once(("action_undo", first), ("action_apply", second))

    assert sorted(status for status, _answer in answers) == [200, 422], answers
    if answers[0][0] == 200:
        assert people.rates() == before
    else:
        assert [price for prefix, price, _b, ends in people.rates() if prefix == "1" and not ends] == [Decimal("0.03")]
