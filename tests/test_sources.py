"""Calls that come by themselves: verified, stored, gathered in any order, reported once."""

import base64
import json
from datetime import datetime, timedelta
from urllib.parse import quote

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.addons.call_wallet.tools.sources.event import CallEvent
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase
from odoo.tools import mute_logger

from .common import CallWalletCommon

START = 1_793_527_200  # 2026-11-01 10:00:00 UTC


class SourceCase(HttpCase, CallWalletCommon):
    """+1 415 costs 0.0125 a minute; the wallet has 10.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._make_user("sources.manager", "finance_manager")
        cls._fund(cls, cls.wallet, "10")

    @classmethod
    def _make_source(cls, kind, **values):
        values = {"name": kind, "kind": kind, "company_id": cls.wallet.company_id.id, **values}
        return cls.env["call.source"].with_user(cls.manager).create(values).sudo()

    def _post(self, source, body, headers=None, query="", status=200):
        """Send a body as it is; the answer must have the status."""
        url = f"/call_wallet/source/{source.token}{query and '?' + query}"
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        with mute_logger("odoo.http"):
            answer = self.url_open(url, data=data, headers={"Content-Type": "application/json", **(headers or {})})
        self.assertEqual(answer.status_code, status, answer.text[:300])
        self.env.invalidate_all()
        return answer

    def _calls(self, source):
        return self.env["call.source.call"].search([("source_id", "=", source.id)], order="id")

    def _usages(self):
        return self.env["call.usage"].search([("wallet_id", "=", self.wallet.id)], order="id")


class TestSources(SourceCase):
    """By FreeSWITCH, whose messages are the simplest."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls._make_source("freeswitch", line_ids=[(0, 0, {"key": "acme", "wallet_id": cls.wallet.id})])

    def _cdr(self, ref="f-1", account="acme", seconds=61, **variables):
        answered = str(START + 10) if seconds else "0"
        return {
            "variables": {
                "uuid": ref, "accountcode": account, "direction": "outbound", "start_epoch": str(START),
                "answer_epoch": answered, "end_epoch": str(START + 10 + seconds), "billsec": str(seconds),
                "billmsec": str(seconds * 1000), "hangup_cause": "NORMAL_CLEARING", **variables,
            },
            "callflow": [{"caller_profile": {"destination_number": quote("+14155550100")}}],
        }  # fmt: skip

    def _send(self, body, password=None, status=200, **options):
        password = self.source.secret if password is None else password
        header = base64.b64encode(f"wallet:{password}".encode()).decode()
        return self._post(self.source, body, {"Authorization": f"Basic {header}"}, status=status, **options)

    def test_a_call_becomes_a_charge_once(self):
        self._send(self._cdr())
        self._send(self._cdr())  # providers repeat
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.number, usage.duration_seconds, usage.status),
            ("f-1", "+14155550100", 61, "completed"),
        )
        self.assertEqual(str(usage.total_cost), "0.025000")  # 2 minutes at 0.0125
        self.assertEqual(usage.started_at, datetime(2026, 11, 1, 10))
        call = self._calls(self.source)
        self.assertEqual((call.state, call.usage_id, call.message_ids.count), ("reported", usage, 2))
        # The number stands in the ledger, where it can be deleted, and not here.
        self.assertNotIn("number", call.facts)

    def test_only_the_sender_is_believed(self):
        self._send(self._cdr(), password="guess", status=403)
        self._post(self.source, self._cdr(), status=403)
        self.assertFalse(self._usages())
        self.assertFalse(self._calls(self.source))
        self.assertFalse(self.env["call.source.message"].search([("source_id", "=", self.source.id)]))
        # Many refused ones in a moment are one note.
        self.assertEqual((self.source.refused_count, self.source.health), (1, "attention"))

    def test_an_unknown_or_switched_off_address(self):
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open("/call_wallet/source/nobody", data="{}").status_code, 404)
        self.source.active = False
        self._send(self._cdr(), status=404)

    def test_a_replaced_secret_is_valid_for_a_day(self):
        old = self.source.secret
        self.source.with_user(self.manager).action_rotate_secret()
        self.assertNotEqual(self.source.secret, old)
        self._send(self._cdr("f-1"), password=old)
        self._send(self._cdr("f-2"))
        self.assertEqual(len(self._usages()), 2)
        self.source.previous_until = utcnow() - timedelta(seconds=1)
        self._send(self._cdr("f-3"), password=old, status=403)

    def test_without_a_wallet_it_waits_until_the_line_is_known(self):
        self._send(self._cdr(account="globex-trunk"))
        call = self._calls(self.source)
        self.assertEqual(call.state, "unassigned")
        self.assertIn("globex-trunk", call.problem)
        self.assertEqual((self.source.unassigned_count, self.source.health), (1, "attention"))
        self.source.with_user(self.manager).line_ids = [(0, 0, {"key": " globex-trunk ", "wallet_id": self.wallet.id})]
        self.env["call.source.call"]._cron_advance()
        self.assertEqual((call.state, call.problem), ("reported", False))
        self.assertEqual(self._usages().call_ref, "f-1")
        self.assertEqual(self.source.health, "good")

    def test_finance_sees_what_waits_and_where_a_call_came_from(self):
        self._send(self._cdr(account="globex-trunk"))
        clerk = self._make_user("sources.clerk", "finance")
        self.env.flush_all()
        [entry] = self.env["call.wallet.waiting"].with_user(clerk).search([("kind", "=", "source")])
        self.assertIn("globex-trunk", entry.reason)
        self.assertEqual((entry.count, entry.action_open()["res_id"]), (1, self.source.id))
        self.source.wallet_id = self.wallet
        self.env["call.source.call"]._cron_advance()
        self.env.flush_all()
        self.assertFalse(self.env["call.wallet.waiting"].search([("kind", "=", "source")]))
        usage = self._usages().with_user(clerk)
        self.assertEqual((usage.source_call_id.source_id, usage.provider_cost), (self.source, None))

    def test_the_platform_names_account_and_reference(self):
        self._send(self._cdr(account=""), query=f"account={self.wallet.account_ref}&call_ref=ours-7&campaign=Nurses")
        usage = self._usages()
        self.assertEqual((usage.call_ref, usage.campaign_id.name), ("ours-7", "Nurses"))

    def test_another_companys_wallet_cannot_be_named(self):
        other = self._make_wallet(company_id=self.env["res.company"].create({"name": "Elsewhere"}).id)
        self._send(self._cdr(), query=f"account={other.account_ref}")
        self.assertEqual(self._calls(self.source).state, "unassigned")
        self.assertFalse(self.env["call.usage"].search([("wallet_id", "=", other.id)]))
        with self.assertRaises(UserError):
            self.source.line_ids = [(0, 0, {"key": "x", "wallet_id": other.id})]

    def test_another_end_of_a_charged_call_is_a_conflict(self):
        self._send(self._cdr(seconds=61))
        self._send(self._cdr(seconds=62))  # a second is a matter of rounding
        call = self._calls(self.source)
        self.assertFalse(call.problem)
        self._send(self._cdr(seconds=300))
        self.assertEqual(self._usages().duration_seconds, 61)
        self.assertEqual(call.state, "reported")
        self.assertIn("conflict", call.problem)
        rejection = self.env["call.usage.rejection"].search([("call_ref", "=", "f-1")])
        self.assertEqual((rejection.code, rejection.state), ("conflict", "open"))

    def test_a_contradicting_end_charges_nobody_else(self):
        """Whatever wallet and reference it names by then, it is another content of the call that was charged."""
        other = self._make_wallet()
        self._fund(other, "10")
        self._send(self._cdr(seconds=61), query="call_ref=ours-1")
        self._send(self._cdr(seconds=300), query=f"account={other.account_ref}&call_ref=ours-2")
        self.source.line_ids.wallet_id = other
        self._send(self._cdr(seconds=400))
        self.source.line_ids.unlink()
        self._send(self._cdr(seconds=500))
        self.assertEqual(self._usages().mapped("call_ref"), ["ours-1"])
        self.assertFalse(self.env["call.usage"].search([("wallet_id", "=", other.id)]))
        call = self._calls(self.source)
        self.assertEqual((call.state, call.account, call.call_ref), ("reported", self.wallet.account_ref, "ours-1"))
        self.assertIn("conflict", call.problem)
        # And it is forgotten with the call.
        self._usages().with_user(self.manager).action_mask()
        self.assertFalse(any(call.message_ids.mapped("body")))
        self.env.cr.execute("SELECT to_jsonb(c)::text FROM call_source_call c WHERE source_id = %s", [self.source.id])
        self.assertNotIn("4155550100", self.env.cr.fetchone()[0])

    def test_another_call_under_a_used_reference_is_told(self):
        """An application with one reference for all its calls."""
        self._send(self._cdr("f-1", seconds=600), query="call_ref=ours")
        other = self._cdr("f-2", seconds=600)
        other["callflow"][0]["caller_profile"]["destination_number"] = "+447700900000"
        self._send(other, query="call_ref=ours")
        later = self._cdr("f-3", seconds=600, start_epoch=str(START + 7200), answer_epoch=str(START + 7210))
        later["variables"]["end_epoch"] = str(START + 7810)
        self._send(later, query="call_ref=ours")
        self.env["call.source.call"]._cron_advance()
        self.assertEqual(self._calls(self.source).mapped("state"), ["reported", "rejected", "rejected"])
        self.assertEqual(len(self._usages()), 1)

    def test_a_wallet_that_gets_another_account_reference_keeps_its_calls(self):
        self._send(self._cdr())
        self.wallet.account_ref = "RENAMED"
        call = self._calls(self.source)
        self.assertEqual(call.usage_id, self._usages())
        self._send(self._cdr(seconds=300))  # another content of the same call, and not of an unknown account
        self.assertIn("conflict", call.problem)
        self._usages().with_user(self.manager).action_mask()
        self.assertFalse(any(call.message_ids.mapped("body")))

    def test_a_rejected_call_is_not_charged_to_two_wallets(self):
        other = self._make_wallet()
        body = self._cdr()
        body["callflow"][0]["caller_profile"]["destination_number"] = "+861012345678"
        self._send(body)
        self.source.line_ids.wallet_id = other
        body["variables"]["sip_hangup_disposition"] = "again"
        self._send(body)
        kept = self.env["call.usage.rejection"].search([("call_ref", "=", "f-1")])
        self.assertEqual(
            {(one.account, one.state) for one in kept},
            {(self.wallet.account_ref, "dismissed"), (other.account_ref, "open")},
        )

    def test_a_rejected_call_that_is_forgotten_leaves_no_number(self):
        body = self._cdr()
        body["callflow"][0]["caller_profile"]["destination_number"] = "+861012345678"
        self._send(body)
        self.env["call.usage.rejection"].search([("call_ref", "=", "f-1")]).with_user(self.manager).action_mask()
        self.env.cr.execute(
            "SELECT to_jsonb(c)::text || (SELECT string_agg(to_jsonb(m)::text, '') FROM call_source_message m)"
            "  FROM call_source_call c WHERE source_id = %s",
            [self.source.id],
        )
        self.assertNotIn("1012345678", self.env.cr.fetchone()[0])

    def test_what_the_switch_makes_of_the_address_and_of_the_body(self):
        """Its module puts ?uuid= behind any address, and posts a form where it encodes."""
        self._send(self._cdr("f-1", account=""), query=f"account={self.wallet.account_ref}?uuid=f-1")
        self._send(f"cdr={quote(json.dumps(self._cdr('f-2', account=self.wallet.account_ref)))}")
        self.assertEqual(self._usages().mapped("call_ref"), ["f-1", "f-2"])

    def test_what_nobody_will_pay_is_put_aside(self):
        self._send(self._cdr(), query="account=NOBODY")
        call = self._calls(self.source)
        call.with_user(self._make_user("sources.clerk", "finance")).action_dismiss()
        self.env.invalidate_all()
        self.assertEqual((call.state, self.source.unassigned_count, self.source.health), ("ignored", 0, "good"))

    def test_a_call_that_goes_on_cannot_be_put_aside(self):
        """It would be free when it ends. One that has not ended for a day may be."""
        started = CallEvent("f-1", {"number": "+14155550100", "direction": "outbound"}, lines=("acme",))
        self.env["call.source.call"]._gather(self.source, [started])
        call = self._calls(self.source)
        call.with_user(self.manager).action_dismiss()
        self.assertEqual(call.state, "open")
        self._send(self._cdr())
        self.assertEqual(self._usages().duration_seconds, 61)
        self.env["call.source.call"]._gather(self.source, [started._replace(ref="f-2")])
        lost = self._calls(self.source)[-1]
        with recorded_at(utcnow() + timedelta(hours=25)):
            lost.with_user(self.manager).action_dismiss()
        self.assertEqual(lost.state, "ignored")

    def test_a_forged_message_is_forgotten_once_the_sender_is_heard(self):
        self._send(self._cdr(), password="guess", status=403)
        self.assertEqual(self.source.health, "attention")
        with recorded_at(utcnow() + timedelta(seconds=1)):
            self._send(self._cdr())
        self.assertEqual(self.source.health, "good")

    def test_a_message_of_another_form_is_told_at_once(self):
        self._send({"variables": {"uuid": "f-1"}, "callflow": [{"caller_profile": "x"}]})
        message = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        self.assertEqual((message.state, message.attempts), ("failed", 0))

    def test_a_secret_that_is_taken_away_is_valid_no_longer(self):
        old = self.source.secret
        self.source.with_user(self.manager).secret = "  "
        self.assertFalse(self.source.secret)
        self._send(self._cdr(), password=old, status=403)
        self._send(self._cdr(), password="", status=403)
        self.source.with_user(self.manager).secret = " new "
        self._send(self._cdr(), password="new")

    def test_what_a_source_keeps_by_itself_comes_from_no_default(self):
        defaults = {"default_token": "x", "default_previous_secret": "old", "default_previous_until": "2099-01-01"}
        made = self.env["call.source"].with_user(self.manager).with_context(**defaults)
        made = made.create({"name": "Mine", "kind": "freeswitch"}).sudo()
        self.assertNotEqual(made.token, "x")
        self.assertEqual((made.previous_secret, made.previous_until), (False, False))
        hook = self.env["call.wallet.webhook"].with_user(self.manager).with_context(default_secret="whsec_mine")
        self.assertNotEqual(hook.create({"name": "Mine", "url": "https://8.8.8.8/hook"}).sudo().secret, "whsec_mine")

    def test_a_line_stays_with_its_source(self):
        other = self._make_source("freeswitch")
        with self.assertRaises(UserError):
            self.source.line_ids.with_user(self.manager).source_id = other

    def test_a_call_that_the_api_has_recorded_is_not_charged_again(self):
        self._record(self._call(call_ref="f-1", duration_seconds=60, started_at="2026-11-01T10:00:03Z"))
        self._send(self._cdr(seconds=61))
        self.assertEqual(self._usages().duration_seconds, 60)
        self.assertEqual((self._calls(self.source).state, self._calls(self.source).problem), ("reported", False))

    def test_a_rejected_call_is_charged_once_its_cause_is_mended(self):
        body = self._cdr()
        body["callflow"][0]["caller_profile"]["destination_number"] = "+861012345678"
        self._send(body)
        call = self._calls(self.source)
        self.assertEqual(call.state, "rejected")
        self.wallet.rate_plan_id.rate_ids = [(0, 0, {"call_type": "live", "prefix": "86", "price_per_minute": "0.10"})]
        self.env["call.usage.rejection"].search([("call_ref", "=", "f-1")]).action_retry()
        self.env["call.source.call"]._cron_advance()
        self.assertEqual((call.state, str(call.usage_id.total_cost)), ("reported", "0.200000"))

    def test_what_is_no_record_is_kept_with_its_reason(self):
        self._send({"hello": 1})
        message = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        self.assertEqual(message.state, "failed")
        self.assertIn("mod_json_cdr", message.problem)
        self.assertEqual(self.source.problem_count, 1)
        message.with_user(self.manager).action_dismiss()
        self.env.invalidate_all()
        self.assertEqual(self.source.problem_count, 0)
        for body in (b"\xff\xfe", b'{"a": "\x00"}'):
            self._send(body, status=400)

    def test_values_that_are_none_are_told_at_once(self):
        odd = (
            {"billmsec": "soon"}, {"billmsec": [1]}, {"hangup_cause": ["x"], "answer_epoch": "0"},
            {"accountcode": ["acme"]}, {"accountcode": 7, "sip_gateway_name": {"a": 1}}, {"direction": ["outbound"]},
        )  # fmt: skip
        for index, variables in enumerate(odd):
            self._send(self._cdr(f"odd-{index}", **variables))
        body = self._cdr("odd-number")
        body["callflow"][0]["caller_profile"]["destination_number"] = 14155550100
        self._send(body)
        messages = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        self.assertEqual(len(messages), len(odd) + 1)
        self.assertLessEqual(set(messages.mapped("state")), {"done", "failed"})

    def test_a_call_that_did_not_connect_costs_nothing(self):
        self._send(self._cdr(seconds=0, hangup_cause="USER_BUSY"))
        usage = self._usages()
        self.assertEqual((usage.status, str(usage.total_cost), usage.duration_seconds), ("busy", "0.000000", 0))

    def test_messages_are_kept_for_as_long_as_the_source_says(self):
        self._send(self._cdr())
        message = self._calls(self.source).message_ids
        self.assertTrue(message.body)
        with recorded_at(utcnow() + timedelta(days=29)):
            self.env["call.source.message"]._cron_forget()
        self.assertTrue(message.exists())
        with recorded_at(utcnow() + timedelta(days=31)):
            self.env["call.source.message"]._cron_forget()
        self.assertFalse(message.exists())
        self.assertEqual(len(self._usages()), 1)

    def test_a_call_that_is_forgotten_leaves_no_number_in_messages(self):
        self._send(self._cdr())
        self._usages().with_user(self.manager).action_mask()
        [message] = self._calls(self.source).message_ids
        self.assertFalse(message.body)
        self.env.cr.execute("SELECT to_jsonb(c)::text FROM call_source_call c WHERE source_id = %s", [self.source.id])
        self.assertNotIn("4155550100", self.env.cr.fetchone()[0])

    def test_nobody_but_finance_managers_sees_or_changes_a_secret(self):
        clerk = self._make_user("sources.clerk", "finance")
        with self.assertRaises(AccessError):
            self.source.with_user(clerk).read(["secret"])
        with self.assertRaises(AccessError):
            self.source.with_user(clerk).write({"secret": "x"})
        with self.assertRaises(AccessError):
            self.source.with_user(self.manager).write({"token": "x"})
        self.source.with_user(clerk).read(["name", "health", "address"])
