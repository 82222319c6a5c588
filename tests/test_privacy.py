"""What a call names is forgotten, wherever it was copied to: by deletion, by a person, after months. Amounts stay."""

import csv
import io
import json
import runpy
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from odoo.addons.call_wallet.models.usage.rejection_payload import digest, to_payload
from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.addons.call_wallet.tools.intake import parse_call
from odoo.exceptions import AccessError, UserError
from odoo.tools import mute_logger

from .common import CallWalletCommon

NUMBER, OTHER = "+14155550188", "+14155550199"
CALL = {"call_type": "live", "number": NUMBER, "manager": "Jo Doe <jo@privacy.example>", "application_ref": "app-4711"}
NAMED = (NUMBER, "jo@privacy.example", "app-4711")


class PrivacyCase(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._make_user("privacy-manager", "finance_manager")
        cls._fund(cls, cls.wallet, "100")

    def _make_call(self, **values):
        """Authorise and report a call of 61 s to +1 415, whose two minutes cost 0.025."""
        call = self._call(**{**CALL, **values})
        asked = {name: call[name] for name in ("call_ref", "call_type", "number", "manager", "application_ref")}
        self.assertTrue(self.env["call.wallet"].authorize_call(call["account"], **asked)["allowed"])
        self.assertEqual(self._record(call)["total_cost"], "0.025000")
        return call

    def _tables_with(self, text):
        """Return the tables that hold ``text`` anywhere; contacts are Odoo's own."""
        self.env.flush_all()
        self.cr.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND (starts_with(relname, 'call_') OR relname IN"
            " ('mail_message', 'mail_mail', 'mail_activity', 'mail_tracking_value', 'ir_attachment', 'bus_bus'))"
        )
        found = []
        for (table,) in self.cr.fetchall():
            self.cr.execute(f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0", [text])
            if self.cr.fetchone()[0]:
                found.append(table)
        return sorted(found)

    def assertForgotten(self):
        for text in NAMED:
            self.assertEqual(self._tables_with(text), [])

    def _rows(self):
        with self.wallet.env["call.usage.report"]._make(self.wallet, format="csv") as file:
            return list(csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"))))

    def _rejected(self, call):
        return self.env["call.usage.rejection"].search([("call_ref", "=", call["call_ref"])], order="id")


class TestDeletedCalls(PrivacyCase):
    def test_a_deleted_call_leaves_its_number_nowhere_and_its_amount_everywhere(self):
        call = self._make_call()
        self._record(
            {**call, "duration_seconds": 100}, {**call, "number": OTHER, "manager": "Al", "application_ref": ""}
        )
        self.assertEqual(self._tables_with(NUMBER), ["call_usage", "call_usage_rejection", "call_wallet_hold"])
        self._usage_of(call).with_user(self.manager).unlink()
        self.assertForgotten()
        same = self._rejected(call).filtered("masked_at")
        another = self._rejected(call) - same
        self.assertEqual((same.state, same.code, same.reason), ("dismissed", "conflict", "Deleted"))
        # Another call under the reference is still to be charged.
        self.assertEqual((another.state, json.loads(another.payload)["number"]), ("open", OTHER))
        self.assertBalance(self.wallet, "99.975")
        self.assertSound(self.wallet)
        # What is reported again is known, and is not kept anew.
        self.assertEqual(self._record(call)["result"], "duplicate")
        self.assertForgotten()

    def test_the_copy_of_a_call_that_was_charged_as_its_own_goes_with_it(self):
        call = self._make_call()
        self._record({**call, "duration_seconds": 100})
        self._rejected(call).action_charge_as_own()
        own = self.usage.search([("call_ref", "=", self._rejected(call).charged_ref)])
        self._usage_of(call).unlink()
        self.assertIn("call_usage_rejection", self._tables_with(NUMBER))
        own.unlink()
        self.assertForgotten()

    def test_a_call_in_progress_keeps_its_hold(self):
        asked = {name: CALL[name] for name in ("call_type", "number", "manager", "application_ref")}
        self.env["call.wallet"].authorize_call(self.wallet.account_ref, call_ref="live-1", **asked)
        hold = self.env["call.wallet.hold"].search([("wallet_id", "=", self.wallet.id)])
        hold.action_mask()
        self.assertEqual(hold.number, NUMBER)
        with self.assertRaisesRegex(UserError, "in progress"):
            hold.unlink()
        self.env["call.wallet"].release_hold(self.wallet.account_ref, "live-1")
        hold.with_user(self.manager).action_mask()
        self.assertForgotten()

    def test_files_and_mails_that_name_it_go_with_it(self):
        call = self._make_call()
        job = self.wallet.request_usage_report(format="csv")
        job._cron_make()
        file = job.attachment_id
        self.assertIn(NUMBER.encode(), file.raw)
        self._usage_of(call).unlink()
        self.assertFalse(file.exists())
        self.assertEqual(job.state, "waiting")
        job._cron_make()
        self.assertNotIn(NUMBER.encode(), job.attachment_id.raw)
        # A statement's report belongs to its mail.
        wallet = self._make_wallet(recipients=("boss@privacy.example", "desk@privacy.example"))
        with recorded_at(utcnow().replace(day=1) - timedelta(days=1)):
            self._fund(wallet, "5")
        wallet.statement_month = date(2020, 1, 1)
        wallet._send_statement()
        sent, failed = (
            self.env["mail.mail"].search([("email_to", "=", f"{name}@privacy.example")]) for name in ("boss", "desk")
        )
        reports = sent.attachment_ids, failed.attachment_ids
        self.assertIn("usage_report_", reports[0].name)
        sent.unlink()
        failed.state = "exception"
        self._usage_of(self._make_call(account=wallet.account_ref)).action_mask()
        self.assertFalse(reports[0].exists() or reports[1].exists())


class TestMaskedCalls(PrivacyCase):
    def test_a_person_deletes_whom_calls_name_and_rows_and_sums_stay(self):
        call = self._make_call()
        plain = self._call(number=OTHER)
        self._record(plain)
        usages = self._usage_of(call) | self._usage_of(plain)
        before = self._rows()
        for group in ("finance", "account_manager"):
            with self.assertRaises(AccessError):
                usages.with_user(self._make_user(f"privacy-{group}", group)).action_mask()
        usages.with_user(self.manager).action_mask()
        self.assertForgotten()
        self.assertEqual(self._tables_with(OTHER), [])
        after = self._rows()
        shown = [tuple(row[name] for name in ("Number", "Application ID", "Manager")) for row in after]
        self.assertEqual(shown, [("", "", ""), ("Deleted", "Deleted", "Deleted"), ("Deleted", "", "")])
        for row in (*before, *after):
            for name in ("Number", "Application ID", "Manager"):
                del row[name]
        self.assertEqual(before, after)
        # 100 less twice two minutes at 0.0125
        self.assertEqual(sum(Decimal(row["Amount"]) for row in after), Decimal("99.95"))
        self.assertSound(self.wallet)
        # On the portal and in lists.
        named = self._usage_of(call)
        self.assertEqual(named.transaction_ids._headline(), "Live Call to Deleted")
        self.assertEqual(named.transaction_ids._details(lambda amount, exact: "")[0], "Deleted")
        self.assertIn("Application ID Deleted", named.transaction_ids._reasons(str))
        self.assertEqual((named.number, named.manager_name, self._usage_of(plain).manager_name),
                         ("Deleted", "Deleted", False))  # fmt: skip

    def test_without_a_number_there_is_no_price_so_a_rerating_leaves_it_as_it_was_charged(self):
        call = self._make_call()
        self._usage_of(call).action_mask()
        self.plan.rate_ids = [(0, 0, {"prefix": "", "price_per_minute": "9"})]
        rerate = self.env["call.usage.rerate"].create(
            {"reason": "Typing error", "rate_plan_id": self.plan.id, "date_from": "2026-10-01", "date_to": "2026-10-02"}
        )
        rerate.action_preview()
        self.assertEqual((rerate.state, len(rerate.line_ids)), ("previewed", 0))

    def test_a_rejected_call_that_was_masked_is_neither_charged_nor_filled_again(self):
        call = self._call(**{**CALL, "number": "+99912345678"}, extra="call +99912345678 back")
        self._record(call)
        kept = self._rejected(call)
        kept.with_user(self.manager).action_mask()
        kept.action_retry()
        self._record(call)
        self.assertEqual((kept.state, kept.count, len(self._rejected(call))), ("dismissed", 2, 1))
        self.assertEqual(self._tables_with("99912345678"), [])

    def test_what_was_decided_and_masked_stays_decided_when_it_is_reported_again(self):
        call = self._make_call()
        other = {**call, "number": "+14155550177", "manager": "Ann Other"}
        self._record(other)
        kept = self._rejected(call)
        self.assertEqual((kept.code, kept.state), ("conflict", "open"))
        # The platform amends the call to what was in conflict, and later back again.
        self.assertEqual(self.usage.amend_calls([other])[0]["result"], "corrected")
        self.assertEqual(kept.state, "resolved")
        self.assertEqual(self.usage.amend_calls([call])[0]["result"], "corrected")
        kept.with_user(self.manager).action_mask()
        self.assertEqual(self._record(other)["result"], "conflict")
        self.env.invalidate_all()
        self.assertEqual(self._rejected(call), kept, "It is not kept anew")
        self.assertEqual((kept.state, kept.count), ("resolved", 2), "There is nothing that anybody could do with it")
        self.assertNotIn("4155550177", kept.payload)

    def test_an_update_of_the_addon_closes_what_an_earlier_version_opened_again(self):
        call = self._call(**{**CALL, "number": "+99912345678"})
        self._record(call)
        kept, rule = self._rejected(call), self.env.ref("call_wallet.call_usage_rejection_company_rule")
        kept.with_user(self.manager).action_mask()
        self.env.cr.execute("UPDATE call_usage_rejection SET state = 'open' WHERE id = %s", [kept.id])
        path = Path(__file__).parents[1] / "call_wallet/migrations/19.0.6.0.0/post-rejected_again.py"
        script, domain = runpy.run_path(str(path)), rule.domain_force
        self.assertEqual(domain, script["NOW"])
        rule.domain_force = script["BEFORE"]
        script["migrate"](self.env.cr, "19.0.5.0.0")
        self.env.invalidate_all()
        self.assertEqual((kept.state, rule.domain_force), ("resolved", domain))
        rule.domain_force = "[('wallet_id', '!=', False)]"  # somebody's own
        self.env.flush_all()
        script["migrate"](self.env.cr, "19.0.5.0.0")
        self.assertEqual(rule.domain_force, "[('wallet_id', '!=', False)]")

    def test_a_field_name_that_was_deleted_stays_deleted(self):
        call = self._make_call()
        odd = {**call, "Ann_Other": "x"}
        self._record(odd)
        kept = self._rejected(call)
        self.assertEqual(kept.field_name, "Ann_Other")
        kept.with_user(self.manager).action_mask()
        self._record(odd)
        self.env.invalidate_all()
        self.assertEqual((kept.field_name, kept.reason, kept.count), (False, "Deleted", 2))

    def test_a_report_that_is_ready_is_in_nobodys_way(self):
        call = self._call()
        self._record(call)
        job = self.wallet.request_usage_report(format="csv")
        job.sudo().state = "ready"
        usage = self.usage.search([("call_ref", "=", call["call_ref"])])
        usage.with_user(self._make_user("privacy-chief", "finance_manager")).action_mask()
        self.assertEqual((usage.number, job.state), ("Deleted", "waiting"))

    def test_corrections_that_were_refused_are_masked_with_the_call_and_after_it(self):
        call = self._call()
        self._record(call)
        other = {**call, "number": "+999155551112"}
        self.assertEqual(self.usage.amend_calls([other])[0]["result"], "rejected")
        usage = self.usage.search([("call_ref", "=", call["call_ref"])])
        usage.with_user(self._make_user("privacy-chief", "finance_manager")).action_mask()
        self.usage.amend_calls([{**call, "number": "+999155551113"}])
        self.assertEqual(self._rejected(call).mapped("state"), ["dismissed", "dismissed"])
        self.assertEqual(self._tables_with("99915555111"), [])

    def test_what_waits_under_its_reference_goes_with_any_number_that_it_had(self):
        amended = self._make_call()
        self.assertEqual(self.usage.amend_calls([{**amended, "number": OTHER}])[0]["result"], "corrected")
        # Its present number; and its first one, as switches and people write it.
        self._record({**amended, "number": OTHER, "duration_seconds": 100})
        spelt = self._make_call()
        for spelling in ("+1 (415) 555-0188", "001 415 555 01 88", "415.555.0188", 14155550188):
            self._record({**spelt, "number": spelling, "duration_seconds": [spelling, "x"]})
        self._record({**spelt, "number": "+14155550177", "duration_seconds": 100})
        (self._usage_of(amended) | self._usage_of(spelt)).with_user(self.manager).action_mask()
        for text in (NUMBER, OTHER, "555-0188", "555 01 88", "555.0188", "14155550188"):
            self.assertEqual(self._tables_with(text), [], text)
        open_ones = [kept["payload"]["number"] for kept in self.usage.list_rejections(self.wallet.account_ref)]
        self.assertEqual(open_ones, ["+14155550177"], "another call under the reference is still to be charged")

    def test_the_number_in_a_reference_goes_however_it_is_written(self):
        call = self._call(**{**CALL, "number": "+999 155 551 234"}, campaign="Back to 999-155551234")
        self._record(call)
        self._rejected(call).with_user(self.manager).action_mask()
        self.assertEqual(json.loads(self._rejected(call).payload)["campaign"], "Deleted")

    def test_no_digest_tells_a_deleted_number(self):
        call = self._make_call()
        self._record({**call, "duration_seconds": 100}, {**call, "number": "+14155550177"})
        self._rejected(call).filtered(lambda kept: "0177" not in kept.payload).action_charge_as_own()
        self.usage.amend_calls([{**call, "duration_seconds": 130}])
        finance = self._make_user("privacy-finance", "finance")
        for model in ("call.usage.correction", "call.usage.rejection"):
            for user in (finance, self.manager):
                self.assertNotIn("fingerprint", self.env[model].with_user(user).fields_get())
        self._usage_of(call).with_user(self.manager).action_mask()
        correction = self._usage_of(call).correction_ids
        amended = parse_call({**call, "duration_seconds": 130}).fingerprint
        self.assertNotEqual(correction.fingerprint, amended)
        masked = self._rejected(call).filtered("masked_at") | self._rejected(call).filtered("charged_ref")
        content = digest(to_payload({**call, "duration_seconds": 100}))
        own = self.usage.search([("call_ref", "=", masked.charged_ref)])
        self.assertNotIn(content[:12], own.call_ref)
        own.with_user(self.manager).action_mask()
        self.assertTrue(masked.masked_at)
        self.assertNotEqual(masked.fingerprint, content)

    def test_whoever_tries_numbers_on_a_deleted_one_is_answered_the_same(self):
        masked, deleted = self._make_call(), self._make_call()
        self._usage_of(masked).action_mask()
        self._usage_of(deleted).unlink()
        for call in (masked, deleted):
            answers = self._record(call, {**call, "number": OTHER}, {**call, "number": "+5511987654321"},
                                   {**call, "manager": "Al", "application_ref": ""})  # fmt: skip
            self.assertEqual([answers[0]] * 4, answers)
            self.assertEqual(answers[0]["result"], "duplicate")
            # Another call under the reference is in conflict, whatever its number is.
            later = (utcnow() - timedelta(minutes=1)).isoformat() + "Z"
            others = self._record({**call, "call_type": "whatsapp"}, {**call, "call_type": "whatsapp", "number": OTHER})
            if call == masked:
                others.append(self._record({**call, "started_at": later, "number": OTHER}))
            self.assertEqual({answer["result"] for answer in others}, {"conflict"})
        for call in (masked, deleted):
            self._rejected(call).action_mask()
        self.assertForgotten()
        self.assertSound(self.wallet)


class TestRetention(PrivacyCase):
    def _mask(self):
        self.usage._cron_mask()
        self.env.invalidate_all()

    def test_off_by_default_then_what_is_older_names_nobody(self):
        recent = (utcnow() - timedelta(days=2)).isoformat() + "Z"
        old, young = self._make_call(), self._make_call(started_at=recent, number=OTHER)
        never, rejected, open_one = self._call(**CALL), self._call(**CALL), self._call(**CALL)
        asked = {name: never[name] for name in ("call_ref", "call_type", "number", "manager", "application_ref")}
        self.env["call.wallet"].authorize_call(never["account"], **asked)
        self.env["call.wallet"].release_hold(never["account"], never["call_ref"])
        for call in (rejected, open_one):
            self._record({**call, "account": self.wallet.account_ref, "status": "unheard of"})
        self._rejected(rejected).action_dismiss()
        self.env.flush_all()
        for statement in (
            "UPDATE call_usage_rejection SET last_seen = '2026-10-02' WHERE account = %s",
            "UPDATE call_wallet_hold SET authorized_at = '2026-10-01' WHERE state = 'released' AND wallet_id ="
            " (SELECT id FROM call_wallet WHERE account_ref = %s)",
        ):
            self.cr.execute(statement, [self.wallet.account_ref])
        self._mask()
        self.assertEqual(self._usage_of(old).number, NUMBER, "off by default")

        self.company.call_wallet_retention_months = 1
        self._mask()
        self.assertEqual((self._usage_of(old).number, self._usage_of(young).number), ("Deleted", OTHER))
        self.assertEqual(self._tables_with(NUMBER), ["call_usage_rejection"], "what is open is still to be decided")
        self.assertEqual(self._rejected(open_one).state, "open")
        self.assertTrue(self.company.call_wallet_masked_before)

        # Reported late, after the night that looked at that time: the next one finds it.
        late = self._make_call(started_at="2026-09-20T10:00:00Z")
        self._mask()
        self.assertEqual(self._usage_of(late).number, "Deleted")
        # 100 less three times 0.025
        self.assertBalance(self.wallet, "99.925")
        self.assertSound(self.wallet)


class TestPrivacyLookup(PrivacyCase):
    @mute_logger("odoo.models.unlink")
    def test_odoos_lookup_finds_and_deletes_what_names_somebody(self):
        if "privacy.lookup.wizard" not in self.env:
            self.skipTest("privacy_lookup is not installed")
        self.env["res.partner"].create(
            {"name": "Jo Doe", "email": "jo@privacy.example", "phone": NUMBER, "parent_id": self.partner.id}
        )
        made, called = self._make_call(), self._make_call(manager="Al", application_ref="app-1")
        self._make_call(number=OTHER, manager="Al", application_ref="app-1")
        self._record(self._call(**CALL, status="unheard of"))
        self.wallet.set_recipients(["jo@privacy.example", "billing@initrode.example"])
        wizard = self.env["privacy.lookup.wizard"].create({"name": "Jo Doe", "email": "jo@privacy.example"})
        wizard.action_lookup()
        found = {}
        for line in wizard.line_ids:
            found.setdefault(line.res_model, []).append(line.res_id)
        usages = self._usage_of(made) | self._usage_of(called)
        self.assertEqual(sorted(found["call.usage"]), sorted(usages.ids), "by manager and by number, each once")
        self.assertEqual(len(found["call.wallet.hold"]), 2)
        self.assertEqual(len(found["call.usage.rejection"]), 1)
        self.assertEqual(len(found["call.wallet.recipient"]), 1)
        ours = wizard.line_ids.filtered(lambda line: line.res_model in ("call.usage", "call.usage.rejection"))
        ours.action_unlink_all()
        wizard.line_ids.filtered(lambda line: line.res_model == "call.wallet.recipient").action_unlink_all()
        self.assertEqual(self._tables_with(NUMBER), [])
        self.assertBalance(self.wallet, "99.925")
        self.assertSound(self.wallet)
