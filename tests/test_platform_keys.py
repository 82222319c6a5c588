"""A key of the platform that was verified before: what ends it counts with the next request, in every process."""

import json
import logging
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from odoo import Command
from odoo.addons.base.models.res_users import KEY_CRYPT_CONTEXT
from odoo.addons.call_wallet.tools.known_keys import MOST, KnownKeys
from odoo.tests import tagged

from .common import CallWalletCommon
from .real_commits import environment

PLATFORM = "call_wallet.group_platform"


@contextmanager
def counting():
    """Count how often Odoo's slow comparison of a key runs."""
    context = type(KEY_CRYPT_CONTEXT)
    with patch.object(context, "verify", autospec=True, side_effect=context.verify) as verify:
        yield lambda: verify.call_count


@tagged("post_install", "-at_install", "standard")
class TestPlatformKeys(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = cls._make_user("key-platform", "platform")
        cls.keys = cls.env["res.users.apikeys"]
        cls.key = cls._make_key(cls.platform)
        cls.row = cls.keys.search([("user_id", "=", cls.platform.id)])

    @classmethod
    def _make_key(cls, user, scope=None):
        return cls.keys.with_user(user).sudo()._generate(scope, "test", datetime.now() + timedelta(days=1))

    def setUp(self):
        super().setUp()
        self.assertEqual(self._user_of(self.key), self.platform.id)  # verified from here on

    def _user_of(self, key, scope="rpc", keys=None):
        return (self.keys if keys is None else keys)._check_credentials(scope=scope, key=key)

    def _set(self, **values):
        for column, value in values.items():
            self.env.cr.execute(f"UPDATE res_users_apikeys SET {column} = %s WHERE id = %s", [value, self.row.id])

    def test_it_is_compared_once_and_found_again(self):
        with counting() as count:
            self.assertEqual([self._user_of(self.key) for _ in range(3)], [self.platform.id] * 3)
            self.assertEqual(count(), 0)

    def test_keys_of_others_are_left_to_odoo(self):
        clerk = self._make_user("key-clerk", "finance")
        key = self._make_key(clerk)
        with counting() as count:
            self.assertEqual([self._user_of(key) for _ in range(3)], [clerk.id] * 3)
            self.assertEqual(count(), 3)

    def test_a_revoked_key_opens_nothing(self):
        self.row.unlink()
        self.assertFalse(self._user_of(self.key))

    def test_an_expired_key_opens_nothing(self):
        self._set(expiration_date=datetime.now() - timedelta(seconds=5))
        self.assertFalse(self._user_of(self.key))
        self._set(expiration_date=None)
        self.assertEqual(self._user_of(self.key), self.platform.id)

    def test_the_key_of_an_archived_user_opens_nothing(self):
        self.platform.active = False
        self.env.flush_all()
        self.assertFalse(self._user_of(self.key))

    def test_without_its_group_a_key_is_nothing_special(self):
        self.platform.group_ids = [Command.unlink(self.env.ref(PLATFORM).id)]
        self.env.flush_all()
        with counting() as count:
            # Odoo knows the user still, who may do nothing here.
            self.assertEqual(self._user_of(self.key), self.platform.id)
            self.assertEqual(count(), 1)

    def test_another_key_with_the_same_beginning_is_another_key(self):
        self.assertFalse(self._user_of(self.key[:8] + "0" * (len(self.key) - 8)))
        self.assertFalse(self._user_of(self.key[:-1]))
        self.assertFalse(self._user_of(self.key + "0"))
        self.assertEqual(self._user_of(self.key), self.platform.id)

    def test_a_key_counts_in_its_scope(self):
        key = self._make_key(self.platform, scope="reports")
        self.assertEqual(self._user_of(key, "reports"), self.platform.id)
        self.assertFalse(self._user_of(key))
        self.assertEqual(self._user_of(key, "reports"), self.platform.id)
        self.assertEqual(self._user_of(self.key, "reports"), self.platform.id)  # without a scope it is for all

    def test_a_row_that_stands_for_another_key_does_not_open_for_this_one(self):
        other = KEY_CRYPT_CONTEXT.hash("another key")
        self._set(key=other)
        self.assertFalse(self._user_of(self.key))

    def test_a_row_that_is_given_to_another_user_is_that_user_s(self):
        clerk = self._make_user("key-heir", "finance")
        self._set(user_id=clerk.id)
        self.assertEqual(self._user_of(self.key), clerk.id)

    def test_other_tables_of_keys_do_not_know_it(self):
        if "auth_totp.device" not in self.env:
            self.skipTest("no trusted devices here")
        self.assertFalse(self._user_of(self.key, "browser", self.env["auth_totp.device"]))

    def test_a_key_stands_in_no_log(self):
        with self.assertLogs("odoo", logging.DEBUG) as logs:
            logging.getLogger("odoo.addons.call_wallet").info("begin")
            second = self._make_key(self.platform)
            for key in (self.key, second, second, self.key[:-1] + "x"):
                self._user_of(key)
        text = "\n".join(logs.output)
        self.assertNotIn(self.key, text)
        self.assertNotIn(second, text)


def test_no_key_is_kept_and_no_more_than_a_few_are_known():
    known = KnownKeys()
    for number in range(MOST + 10):
        known.remember("db", f"opensesame-{number:04}", (number, "hash"))
        known.find("db", "opensesame-0000")  # the one in use stays
    assert known.find("db", "opensesame-0000") == (0, "hash")
    assert known.find("db", "opensesame-0005") is None
    assert known.find("other", "opensesame-0000") is None
    assert known.find("db", "\udc80 no text") is None
    # What one process knows is nothing to another.
    assert KnownKeys().find("db", "opensesame-0000") is None
    assert len(known._known) == MOST
    assert "opensesame" not in repr(vars(known))
    known.forget("db", "opensesame-0000")
    assert known.find("db", "opensesame-0000") is None


# === SEVERAL PROCESSES === #


@pytest.mark.real_commits
def test_what_ends_a_key_counts_in_all_workers_at_once(odoo_server, private_registry):
    def change(work):
        with environment(private_registry) as env:
            result = work(env)
            env.cr.commit()
        private_registry.signal_changes()  # as Odoo does after each request
        return result

    def make_user(env):
        group = env.ref(PLATFORM).id
        user = env["res.users"].create(
            {"name": "Several", "login": "several", "group_ids": [Command.set([group])]}
        )  # fmt: skip
        return user.id

    user_id = change(make_user)

    def make_key(env):
        keys = env["res.users.apikeys"].with_user(user_id).sudo()
        return keys._generate("rpc", "several", datetime.now() + timedelta(days=1))

    def answers(key):
        """Return the statuses of so many requests at once that each worker has some."""
        with ThreadPoolExecutor(6) as pool:
            return set(pool.map(lambda _n: ask(odoo_server.url, key), range(24)))

    def in_sql(statement):
        return change(lambda env: env.cr.execute(statement, [user_id]))

    def write(**values):
        return change(lambda env: env["res.users"].browse(user_id).write(values) and env.flush_all())

    first, second = change(make_key), change(make_key)
    assert answers(first) == answers(second) == {200}
    group = private_registry_group(private_registry)
    write(group_ids=[Command.unlink(group)])
    assert answers(first) == {403}
    write(group_ids=[Command.link(group)])
    assert answers(first) == {200}
    write(active=False)
    assert answers(first) == {401}
    write(active=True)
    assert answers(first) == answers(second) == {200}
    in_sql("UPDATE res_users_apikeys SET expiration_date = now() - interval '1 day' WHERE user_id = %s")
    assert answers(first) == answers(second) == {401}
    in_sql("UPDATE res_users_apikeys SET expiration_date = NULL WHERE user_id = %s")
    assert answers(first) == answers(second) == {200}
    in_sql("DELETE FROM res_users_apikeys WHERE user_id = %s")
    assert answers(first) == answers(second) == {401}
    log = odoo_server.log.read_text(errors="replace")
    assert first not in log and second not in log


def private_registry_group(registry):
    with environment(registry) as env:
        return env.ref(PLATFORM).id


def ask(url, key):
    """Ask the platform's method and return the HTTP status; no wallet has the account."""
    call = {"account": "nobody", "call_ref": "k", "call_type": "live", "number": "+14155550100"}
    request = urllib.request.Request(
        f"{url}/json/2/call.wallet/authorize_call",
        json.dumps(call).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
