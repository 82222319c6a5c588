"""Files of call records: read in every shape in which they come, charged once, and never trusted."""

import base64
import csv
import io
import json
import os
import tempfile
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from odoo.addons.call_wallet.tools.sources.event import Dialling, FileSettings, Unusable
from odoo.addons.call_wallet.tools.sources.files import asterisk, columns, freeswitch, twilio
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import file_open, mute_logger

from .common import CallWalletCommon
from .test_sources import SourceCase

MADRID = FileSettings(tz=ZoneInfo("Europe/Madrid"))
START = 1_793_527_200  # 2026-11-01 10:00:00 UTC, 11:00:00 in Madrid
NUMBER = "+14155550100"


def cdr(epoch=START, **values):
    """A line of Asterisk's Master.csv; times are Madrid's. It rang for 9 seconds, and talked for 61."""
    tz = ZoneInfo("Europe/Madrid")

    def local(seconds):
        return datetime.fromtimestamp(epoch + seconds, tz).strftime("%Y-%m-%d %H:%M:%S")

    record = {
        "accountcode": "acme", "src": "100", "dst": NUMBER, "dcontext": "from-internal",
        "clid": '"Ann ""A"" Lee" <100>', "channel": "PJSIP/100-00000001", "dstchannel": "PJSIP/trunk-00000002",
        "lastapp": "Dial", "lastdata": "x,30",
        "start": local(0), "answer": local(9), "end": local(70), "duration": "70", "billsec": "61",
        "disposition": "ANSWERED", "amaflags": "DOCUMENTATION", "uniqueid": f"{epoch}.7", "userfield": "", **values,
    }  # fmt: skip
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(
        value if name != "clid" else value.replace('""', '"') for name, value in record.items()
    )
    return out.getvalue()


def read(kind, content, settings=MADRID):
    content = content if isinstance(content, bytes) else content.encode()
    return list(kind.read_file(content, settings))


class TestReading(CallWalletCommon):
    """What the readers make of files, without a database."""

    # === ASTERISK === #

    def test_asterisk_bills_the_talk_and_not_the_ringing(self):
        [line] = read(asterisk, cdr())
        facts = line.event.facts
        self.assertEqual((facts["duration_seconds"], facts["number"], facts["status"]), (61, NUMBER, "completed"))
        self.assertEqual(facts["started_at"], datetime(2026, 11, 1, 10, tzinfo=UTC))
        self.assertEqual(line.event.lines, ("acme", "PJSIP/100", "PJSIP/trunk"))
        self.assertTrue(line.event.is_over)

    def test_asterisk_in_the_orders_of_its_files(self):
        row = next(csv.reader([cdr()]))
        by_name = dict(zip(asterisk.COLUMNS, row, strict=False))
        custom = ",".join(f'"{by_name.get(name, "1")}"' for name in asterisk.CUSTOM if name != "clid")
        [line] = read(asterisk, f'"Ann",{custom}\n')
        self.assertEqual((line.event.ref, line.event.facts["duration_seconds"]), (f"{START}.7", 61))
        header = ["calldate", "dst", "billsec", "disposition", "uniqueid"]
        named = f"{','.join(header)}\n2026-11-01 11:00:00,{NUMBER},61,ANSWERED,{START}.7\n"
        [line] = read(asterisk, named)
        self.assertEqual((line.line, line.event.facts["started_at"].hour), (2, 10))

    def test_the_hour_that_the_clocks_repeat_is_told_by_the_id(self):
        # Clocks in Madrid went back at 01:00 UTC on 25 October 2026: 02:30 was there at 00:30 and at 01:30 UTC.
        for epoch in (1_792_888_200, 1_792_891_800):
            [line] = read(asterisk, cdr(epoch))
            self.assertEqual(line.event.facts["started_at"].timestamp(), epoch)
            self.assertIsNone(line.note)

    def test_the_hour_that_nothing_tells_is_said(self):
        row = '"","100","+14155550100","x","2026-10-25 02:30:00","2026-10-25 02:30:05","2026-10-25 02:31:05","65","60"'
        row += ',"NORMAL_CLEARING","f-1","","acme","PCMU","PCMU"\n'
        [line] = read(freeswitch, row)
        self.assertEqual(line.event.facts["started_at"], datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
        self.assertIn("Europe/Madrid", str(line.note))
        # The end is beyond it, at 02:05 UTC; the call took 3,605 seconds: so it began in the second 02:30 hour's half.
        row = row.replace("2026-10-25 02:31:05", "2026-10-25 03:30:05").replace('"65"', '"3605"')
        [line] = read(freeswitch, row)
        self.assertEqual(line.event.facts["started_at"], datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
        self.assertIsNone(line.note)

    def test_another_time_zone_than_the_exchanges_is_noticed(self):
        [line] = read(asterisk, cdr(), FileSettings(tz=UTC))
        self.assertIn("+1 hours", str(line.problem))
        # 29 March 2026: there was no 02:30.
        [line] = read(asterisk, cdr(start="2026-03-29 02:30:00"))
        self.assertIn("set forward", str(line.problem))

    def test_one_call_over_several_trunks_is_one(self):
        lines = read(asterisk, cdr(disposition="FAILED", billsec="0", dstchannel="PJSIP/a-00000001") + cdr())
        self.assertEqual([bool(line.event) for line in lines], [False, True])
        self.assertFalse(any(line.problem for line in lines))
        lines = read(asterisk, cdr() + cdr(dst="+442071838750", dstchannel="PJSIP/b-00000009"))
        self.assertIn("on line 1", str(lines[1].problem))

    def test_who_called_whom(self):
        for values, expected in (
            ({"src": "+34911234567", "dst": "100"}, ("inbound", "+34911234567", True)),
            ({"src": "101", "dst": "100"}, ("outbound", "100", False)),
            ({"amaflags": "OMIT"}, ("outbound", NUMBER, False)),
        ):
            [line] = read(asterisk, cdr(**values))
            event = line.event
            self.assertEqual((event.facts["direction"], event.facts["number"], event.is_phone), expected)
        inbound = MADRID._replace(inbound=frozenset(["from-trunk"]))
        [line] = read(asterisk, cdr(src=NUMBER, dst="+34911234567", dcontext="from-trunk"), inbound)
        self.assertEqual(line.event.facts["direction"], "inbound")
        self.assertEqual(line.event.facts["number"], NUMBER)

    def test_numbers_as_they_are_dialled(self):
        spain = MADRID._replace(dialling=Dialling("34", "00", ""))
        germany = MADRID._replace(dialling=Dialling("49", "00", "0"))
        plain = MADRID._replace(dialling=Dialling())
        for settings, dialled, number in (
            (spain, "911234567", "+34911234567"),
            (spain, "0014155550100", NUMBER),
            (germany, "030123456", "+4930123456"),
            (germany, "00 1 415 555-0100", NUMBER),
            (germany, "+14155550100", NUMBER),
            (plain, "14155550100", NUMBER),
            (plain, "112", "112"),
        ):
            [line] = read(asterisk, cdr(dst=dialled, src="+34600000000" if len(dialled) < 7 else "100"), settings)
            self.assertEqual(line.event.facts["number"], "+34600000000" if len(dialled) < 7 else number, dialled)

    def test_asterisk_without_ids_or_of_another_kind(self):
        [line] = read(asterisk, cdr(uniqueid=""))
        self.assertIn("loguniqueid", str(line.problem))
        for content in ("a,b,c\n", "id;number\n1;2\n"):
            with self.assertRaises(Unusable):
                read(asterisk, content)

    def test_the_user_field_names_the_account(self):
        [line] = read(asterisk, cdr(userfield="account=ACME&campaign=Nurses"))
        self.assertEqual((line.event.facts["account"], line.event.facts["campaign"]), ("ACME", "Nurses"))

    # === FREESWITCH === #

    def freeswitch_record(self, ref="f-1"):
        return {
            "variables": {
                "uuid": ref, "accountcode": quote("acme & co"), "direction": "outbound", "start_epoch": str(START),
                "answer_epoch": str(START + 10), "end_epoch": str(START + 71), "billsec": "61", "billmsec": "60900",
                "hangup_cause": "NORMAL_CLEARING", "start_stamp": "2026-11-01%2011%3A00%3A00",
            },
            "callflow": [{"caller_profile": {"destination_number": quote(NUMBER)}}],
        }  # fmt: skip

    def test_freeswitch_json_in_every_shape(self):
        records = [self.freeswitch_record("f-1"), self.freeswitch_record("f-2")]
        for content in (
            "\n".join(map(json.dumps, records)),
            json.dumps(records),
            json.dumps(records, indent=2),
            "".join(json.dumps(record, indent=1) for record in records),
        ):
            lines = read(freeswitch, content)
            self.assertEqual([line.event and line.event.ref for line in lines], ["f-1", "f-2"], content[:40])
            self.assertEqual(lines[0].event.lines, ("acme & co",))
            self.assertEqual(lines[0].event.facts["duration_seconds"], 61)  # 60.9 s
        [line] = read(freeswitch, json.dumps(records[0], indent=2))
        self.assertEqual(line.event.facts["number"], NUMBER)

    def test_freeswitch_csv(self):
        row = ('"Ann "A" Lee","100","+14155550100","default","2026-11-01 11:00:00","2026-11-01 11:00:10",'
               '"2026-11-01 11:01:11","71","61","NORMAL_CLEARING","f-1","b-1","acme","PCMU","PCMU"\n')  # fmt: skip
        busy = row.replace("2026-11-01 11:00:10", "").replace("NORMAL_CLEARING", "USER_BUSY").replace("f-1", "f-2")
        lines = read(freeswitch, row + busy)
        self.assertEqual(
            [(line.event.facts["status"], line.event.facts["duration_seconds"]) for line in lines],
            [("completed", 61), ("busy", 0)],
        )
        self.assertEqual(lines[0].event.facts["started_at"], datetime(2026, 11, 1, 10, tzinfo=UTC))
        values = ["acme", "100", NUMBER, "default", "Ann", "c", "b", "bridge", "x", "2026-11-01 11:00:00",
                  "2026-11-01 11:00:10", "2026-11-01 11:01:11", "71", "61", "NORMAL_CLEARING", "", "f-3",
                  ""]  # fmt: skip
        [line] = read(freeswitch, ",".join(f'"{value}"' for value in values) + "\n")
        self.assertEqual((line.event.ref, line.event.facts["duration_seconds"]), ("f-3", 61))

    # === TWILIO === #

    def test_twilio_says_seconds_in_its_log(self):
        header = "Call Sid,Type,From,To,Direction,Status,Duration,Start Time,End Time,Price,Price Unit\n"
        sid = "CA" + "1" * 32
        row = f"{sid},Phone,+12025550111,{NUMBER},outbound-api,completed,63,2026-11-01 10:00:00 UTC,,-0.0130,USD\n"
        [line] = read(twilio, header + row)
        facts = line.event.facts
        self.assertEqual((facts["duration_seconds"], facts["direction"], facts["number"]), (63, "outbound", NUMBER))
        self.assertEqual(facts["started_at"], datetime(2026, 11, 1, 10, tzinfo=UTC))
        self.assertEqual((line.event.cost, line.event.cost_currency), ("0.0130", "USD"))
        self.assertEqual(line.event.lines, ("+12025550111",))
        [line] = read(twilio, header + row.replace("completed,63", "in-progress,"))
        self.assertIn("went on", str(line.problem))
        [line] = read(twilio, header + row.replace(NUMBER, "client:ann"))
        self.assertFalse(line.event.is_phone)
        [line] = read(twilio, header + row.replace(NUMBER, f"whatsapp:{NUMBER}"))
        self.assertEqual((line.event.facts["call_type"], line.event.facts["number"]), ("whatsapp", NUMBER))
        [line] = read(twilio, json.dumps({
            "sid": sid, "parent_call_sid": "CA2", "from": NUMBER, "to": "+12025550111", "direction": "inbound",
            "status": "no-answer", "duration": "0", "start_time": "Sun, 01 Nov 2026 10:00:00 +0000",
        }))  # fmt: skip
        self.assertEqual((line.event.facts["number"], line.event.parent_ref), (NUMBER, "CA2"))
        with self.assertRaises(Unusable):
            read(twilio, "From,To\n1,2\n")

    # === ANY COLUMNS === #

    MAPPING = FileSettings(
        tz=UTC,
        columns={"ref": "Call ID", "number": "Destination", "started_at": "Start", "duration_seconds": "Duration",
                 "status": "Result"},
        words={"status": {"contestada": "completed"}},
    )  # fmt: skip
    TABLE = "Call ID;Start;Destination;Duration;Result\nc-1;31/10/2026 10:00:05;+14155550100;60,2;Contestada\n"

    def test_any_columns_in_any_encoding(self):
        table = self.TABLE.replace("Call ID", "Call ID").replace("c-1", "c-ñ")
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"):
            [line] = read(columns, table.encode(encoding), self.MAPPING)
            facts = line.event.facts
            self.assertEqual((line.line, line.event.ref), (2, "c-ñ"), encoding)
            self.assertEqual((facts["duration_seconds"], facts["status"]), (61, "completed"))  # 60.2 s, begun ones
            self.assertEqual(facts["started_at"], datetime(2026, 10, 31, 10, 0, 5, tzinfo=UTC))
        for text in (table.replace(";", "\t").replace("60,2", "60.2"), table.replace("\n", "\r\n")):
            self.assertEqual(read(columns, text, self.MAPPING)[0].event.facts["duration_seconds"], 61)

    def test_days_are_read_as_the_file_shows_or_not_at_all(self):
        unclear = self.TABLE.replace("31/10/2026", "03/10/2026")
        [line] = read(columns, unclear, self.MAPPING)
        self.assertIn("day or the month", str(line.problem))
        [line] = read(columns, unclear, self.MAPPING._replace(order="m"))
        self.assertEqual(line.event.facts["started_at"], datetime(2026, 3, 10, 10, 0, 5, tzinfo=UTC))
        both = unclear + self.TABLE.splitlines()[1].replace("c-1", "c-2")
        self.assertEqual(read(columns, both, self.MAPPING)[0].event.facts["started_at"].month, 10)

    def test_words_that_nobody_has_explained_are_named(self):
        [line] = read(columns, self.TABLE.replace("Contestada", "Perdida"), self.MAPPING)
        self.assertIn("Perdida", str(line.problem))

    def test_times_and_durations_as_people_write_them(self):
        for start, expected in (
            ("2026-11-01T10:00:00Z", (10, 0)),
            ("2026-11-01 11:00:00+01:00", (10, 0)),
            ("2026-11-01 10:00:00.500", (10, 0)),
            ("11/31/2026 10:00", None),
            ("10/31/2026 3:04 PM", (15, 4)),
            ("1793527200", (10, 0)),
            ("1793527200123", (10, 0)),
            ("Sun, 01 Nov 2026 10:00:00 GMT", (10, 0)),
            ("yesterday", None),
            ("0001-01-01 00:00:00", None),
        ):
            [line] = read(columns, self.TABLE.replace("31/10/2026 10:00:05", f'"{start}"'), self.MAPPING)
            moment = line.event and line.event.facts["started_at"]
            self.assertEqual(moment and (moment.hour, moment.minute), expected, start)
        for duration, unit, seconds in (
            ("61", "s", 61), ("1:01", "s", 61), ("0:01:01", "s", 61), ("61 s", "s", 61), ("1,5", "min", 90),
            ("60001", "ms", 61), ("1.05", "min", 63), ("-5", "s", None), ("1e3", "s", None), ("nan", "s", None),
            ("99999999", "s", None), ("٣", "s", None),
        ):  # fmt: skip
            settings = self.MAPPING._replace(unit=unit)
            [line] = read(columns, self.TABLE.replace("60,2", duration), settings)
            self.assertEqual(line.event and line.event.facts["duration_seconds"], seconds, duration)

    def test_json_lines_and_files_without_headings(self):
        settings = self.MAPPING._replace(
            columns={"ref": "call.id", "number": "call.to", "started_at": "at", "duration_seconds": "seconds"}
        )
        record = {"call": {"id": "c-1", "to": NUMBER}, "at": START, "seconds": 61.0}
        [line] = read(columns, json.dumps(record), settings)
        self.assertEqual((line.event.ref, line.event.facts["number"]), ("c-1", NUMBER))
        places = self.MAPPING._replace(columns={"number": "#2", "started_at": "#1", "duration_seconds": "#3"})
        row = f"2026-11-01 10:00:00,{NUMBER},61\n"
        first, second = read(columns, row + row, places)
        self.assertEqual(first.event.ref, second.event.ref)  # no id: equal lines are one call
        self.assertEqual(first.event.facts["duration_seconds"], 61)

    def test_headings_tell_which_column_is_which(self):
        found = columns.suggest(b"\xef\xbb\xbfCall ID,Start Time,Called Number,Billsec,Disposition,Notes\n", MADRID)
        self.assertEqual(
            found,
            {"ref": "Call ID", "started_at": "Start Time", "number": "Called Number", "duration_seconds": "Billsec",
             "status": "Disposition"},
        )  # fmt: skip

    # === FILES THAT NOBODY SHOULD SEND === #

    def test_a_bad_line_costs_no_other(self):
        good = self.TABLE.splitlines()[1]
        header = self.TABLE.splitlines()[0]
        for bad in (
            '"never closed;' + good, good.replace("c-1", "c-\0"), good.replace("c-1", "c" * 70_000),
            good + ";" * 300, good.replace("c-1", "c\x1b1"), good + ";more;cells", good.replace("c-1", ""),
            good.replace("c-1", "x" * 300), "=cmd|' /C calc'!A0;;;;",
        ):  # fmt: skip
            lines = read(columns, f"{header}\n{bad}\n{good.replace('c-1', 'c-9')}\n", self.MAPPING)
            self.assertTrue(lines[0].problem, bad[:30])
            self.assertEqual(lines[-1].event and lines[-1].event.ref, "c-9", bad[:30])
            self.assertEqual(lines[-1].line, 3)

    def test_quotes_and_line_ends_inside_a_cell(self):
        table = self.TABLE.replace("Result", "Result;Note").replace("Contestada", 'Contestada;"two\nlines; ""so"""')
        [line] = read(columns, table, self.MAPPING)
        self.assertEqual(line.event.ref, "c-1")

    def test_what_is_no_file_of_calls(self):
        for content in (b"PK\x03\x04rest", b"\x1f\x8b\x08rest", b"%PDF-1.7", b"\xff\xfeabc", b"\x89PNG\r\n"):
            with self.assertRaises(Unusable):
                read(columns, content, self.MAPPING)
        self.assertEqual(read(columns, b"", self.MAPPING), [])
        self.assertEqual(read(asterisk, b"\n\n  \n"), [])

    def test_json_that_is_none(self):
        for content in (
            '{"variables": 1}', "[" * 100_000, '{"a":' * 50_000, '{"variables": {"uuid": "x\\ud800"}}', "{", "[1, 2",
            '{"variables": {"uuid": {"a": 1}}}', '[null, {"variables": {"uuid": "f", "start_epoch": "9e99"}}]',
            '{"variables": {"uuid": "\\u0000", "start_epoch": "1793527200"}}', '{"variables": {"uuid": 5}}',
            '{"variables": {"uuid": "f", "billmsec": [], "answer_epoch": "1793527200"}, "callflow": [5]}',
            '{"variables": {"uuid": "f", "billmsec": [], "answer_epoch": "1793527200"}}',
        ):  # fmt: skip
            lines = read(freeswitch, content)
            self.assertFalse(any(line.event for line in lines), content[:60])
            self.assertTrue(lines, content[:60])
        for content in ('[{"number": {}}]', '{"Call ID": [], "Start": {}, "Duration": true}', '{"Call ID": 1e400}'):
            self.assertTrue(all(line.problem for line in read(columns, content, self.MAPPING)), content)


@tagged("post_install", "-at_install", "standard")
class TestSourceFiles(SourceCase):
    """Files that are chosen by a person. 61 seconds to +1 415 are 2 minutes at 0.0125: 0.025."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls._make_source(
            "asterisk", tz="Europe/Madrid", line_ids=[(0, 0, {"key": "acme", "wallet_id": cls.wallet.id})]
        )
        cls.clerk = cls._make_user("sources.clerk", "finance")
        cls.files = cls.env["call.source.file"]

    def _preview(self, content, source=None, user=None, name="Master.csv"):
        content = content if isinstance(content, bytes) else content.encode()
        wizards = self.env["call.source.import"].with_user(user or self.clerk)
        wizard = wizards.create(
            {"source_id": (source or self.source).id, "file": base64.b64encode(content), "filename": name}
        )
        wizard.action_preview()
        return wizard

    def _import(self, content, source=None, **options):
        wizard = self._preview(content, source, **options)
        wizard.action_import()
        file = wizard.sudo().file_id
        self.files._cron_import()
        self.env.invalidate_all()
        return file

    def _counts(self, record):
        names = ("new", "known", "unassigned", "faulty", "skipped")
        return tuple(record[f"{name}_count"] for name in names)

    def _bad(self):
        return cdr(START + 2, billsec="", uniqueid=f"{START + 2}.9")

    def test_a_file_is_seen_before_it_is_charged(self):
        content = (
            cdr() + cdr(START + 1, uniqueid=f"{START + 1}.8", accountcode="globex", channel="a", dstchannel="b")
            + self._bad() + cdr(START + 3, uniqueid=f"{START + 3}.1", dst="200")
            + cdr(START + 4, uniqueid=f"{START + 4}.1", dst="+861012345678")
        )  # fmt: skip
        wizard = self._preview(content)
        self.assertEqual(self._counts(wizard), (1, 0, 1, 2, 1))
        self.assertFalse(self._usages())
        self.assertFalse(self._calls(self.source))
        first, waits, bad, inner, abroad = wizard.line_ids
        self.assertEqual((str(first.cost), first.currency, first.number), ("0.025000", "USD", NUMBER))
        self.assertEqual(first.started_at, datetime(2026, 11, 1, 10))
        self.assertIn("globex", waits.reason)
        self.assertIn("billsec", bad.reason)
        self.assertEqual(inner.outcome, "skipped")
        self.assertIn("no rate", abroad.reason)
        wizard.action_import()
        self.assertEqual(wizard.sudo().file_id.state, "waiting")
        self.files._cron_import()
        file = wizard.sudo().file_id
        self.assertEqual((file.state, file.line_count, file.progress), ("done", 5, 100))
        self.assertEqual(self._counts(file), (1, 0, 1, 2, 1))
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.duration_seconds, str(usage.total_cost)), (f"{START}.7", 61, "0.025000")
        )
        self.assertEqual(
            [(line.line, line.kind) for line in file.line_ids], [(2, "unassigned"), (3, "fault"), (5, "fault")]
        )
        self.assertFalse(file.attachment_id)

    def test_a_file_is_imported_once_and_what_is_added_is_new(self):
        self._import(cdr())
        with self.assertRaisesRegex(UserError, "already"):
            self._preview(cdr())
        file = self._import(cdr() + cdr(START + 60, uniqueid=f"{START + 60}.2"))
        self.assertEqual(self._counts(file), (1, 1, 0, 0, 0))
        self.assertEqual(len(self._usages()), 2)

    def test_a_file_with_faults_is_read_again_once_they_are_mended(self):
        file = self._import(cdr(accountcode="", channel="x", dstchannel="y"))
        self.assertEqual(self._counts(file), (0, 0, 1, 0, 0))
        self.source.with_user(self.manager).wallet_id = self.wallet
        again = self._import(cdr(accountcode="", channel="x", dstchannel="y"))
        self.assertEqual((again, self._counts(again)), (file, (1, 0, 0, 0, 0)))

    def test_a_call_that_the_service_recorded_is_not_charged_again(self):
        # Asterisk cuts off what the service has counted to the second.
        self._record(self._call(call_ref=f"{START}.7", duration_seconds=62, started_at="2026-11-01T10:00:09Z"))
        wizard = self._preview(cdr())
        self.assertEqual(self._counts(wizard), (0, 1, 0, 0, 0))
        self.assertEqual(self._counts(self._import(cdr())), (0, 1, 0, 0, 0))
        self.assertEqual(self._usages().duration_seconds, 62)

    def test_one_that_differs_from_what_was_charged_is_told(self):
        self._record(self._call(call_ref=f"{START}.7", duration_seconds=300, started_at="2026-11-01T10:00:09Z"))
        self.assertEqual(self._counts(self._preview(cdr())), (0, 0, 0, 1, 0))
        file = self._import(cdr())
        self.assertEqual(self._counts(file), (0, 0, 0, 1, 0))
        self.assertEqual(self._usages().duration_seconds, 300)
        self.assertIn("conflict", file.line_ids.reason)

    def test_a_webhook_and_a_file_of_one_exchange_are_one_call(self):
        source = self._make_source("freeswitch", wallet_id=self.wallet.id)
        record = {
            "variables": {"uuid": "f-1", "start_epoch": str(START), "answer_epoch": str(START), "direction": "outbound",
                          "end_epoch": str(START + 61), "billmsec": "60900"},
            "callflow": [{"caller_profile": {"destination_number": NUMBER}}],
        }  # fmt: skip
        header = base64.b64encode(f"wallet:{source.secret}".encode()).decode()
        self._post(source, record, {"Authorization": f"Basic {header}"})
        row = (f'"","100","{NUMBER}","default","2026-11-01 10:00:00","2026-11-01 10:00:00","2026-11-01 10:01:00","60",'
               '"60","NORMAL_CLEARING","f-1","","","PCMU","PCMU"\n')  # fmt: skip
        self.assertEqual(self._counts(self._import(row, source)), (0, 1, 0, 0, 0))
        self.assertEqual(self._usages().duration_seconds, 61)

    def _many(self, count):
        return "".join(cdr(START + n, uniqueid=f"{START + n}.{n}") for n in range(count))

    def test_an_import_goes_on_where_a_crash_has_ended_it(self):
        self._fund(self.wallet, "100")
        wizard = self._preview(self._many(1_200))
        self.assertEqual(self._counts(wizard), (1_200, 0, 0, 0, 0))
        wizard.action_import()
        file = wizard.sudo().file_id
        file._take(list(islice(file._read(), 1_000)))
        self.assertEqual((file.state, file.position, len(self._usages())), ("running", 1_000, 1_000))
        self.files._cron_import()
        self.assertEqual((file.state, file.position, self._counts(file)), ("done", 1_200, (1_200, 0, 0, 0, 0)))
        self.assertEqual(len(self._usages()), 1_200)
        self.assertEqual(str(sum(self._usages().mapped("total_cost"))), "30.000000")  # 1,200 x 0.025

    def test_an_import_can_be_given_up(self):
        wizard = self._preview(cdr())
        wizard.action_import()
        file = wizard.sudo().file_id
        file.with_user(self.clerk).action_cancel()
        self.files._cron_import()
        self.assertEqual((file.state, file.attachment_id.exists()), ("cancelled", self.env["ir.attachment"]))
        self.assertFalse(self._usages())
        self.assertEqual(self._counts(self._import(cdr())), (1, 0, 0, 0, 0))

    def test_another_file_is_chosen_instead(self):
        wizard = self._preview(cdr())
        file = wizard.sudo().file_id
        wizard.action_back()
        self.assertFalse(file.exists())
        with self.assertRaises(UserError):
            wizard.action_import()

    def test_what_cannot_be_read_at_all_is_said_at_once(self):
        for content in (b"PK\x03\x04", b"a,b\n1,2\n"):
            with self.assertRaises(UserError):
                self._preview(content)
        with self.assertRaises(UserError):
            self.env["call.source.import"].with_user(self.clerk).create({"source_id": self.source.id}).action_preview()

    def test_columns_are_filled_in_from_the_headings(self):
        source = self._make_source("columns", wallet_id=self.wallet.id)
        table = f"Call ID,Start,Destination,Duration,Status\nc-1,2026-11-01 10:00:00,{NUMBER},61,answered\n"
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self._preview(table, source)  # which column is what decides what is charged
        wizard = self._preview(table, source, self.manager)
        self.assertEqual(
            source.column_ids.mapped("fact"), ["ref", "number", "started_at", "duration_seconds", "status"]
        )
        self.assertEqual(self._counts(wizard), (1, 0, 0, 0, 0))
        source.column_ids.filtered(lambda one: one.fact == "status").words = "answered = failed"
        table = table.replace("c-1", "c-2")
        self.assertEqual(str(self._preview(table, source, self.manager).line_ids.cost), "0.000000")
        with self.assertRaises(ValidationError):
            source.column_ids[:1].words = "answered"

    def test_the_lines_with_reasons_can_be_downloaded(self):
        # A spreadsheet whose decimals have a comma begins a cell at each semicolon, whatever is quoted.
        file = self._import(self._bad() + cdr(disposition="x;=cmd|'/C calc'!A0;", uniqueid=f"{START}.9"))
        url = file.with_user(self.clerk).action_download_lines()["url"]
        self.authenticate("sources.clerk", "sources.clerk")
        answer = self.url_open(url)
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        self.assertEqual([row[:2] for row in rows], [["line", "kind"], ["1", "fault"], ["2", "fault"]])
        self.assertIn("billsec", rows[1][2])
        self.assertIn("x;'=cmd", rows[2][2])
        self._make_user("sources.employee", "base.group_user")
        self.authenticate("sources.employee", "sources.employee")
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open(url).status_code, 403)
            self.assertEqual(self.url_open("/call_wallet/source_file/999999999").status_code, 404)

    def test_a_program_imports_a_file_without_a_preview(self):
        source = self.source.with_user(self.clerk)
        file = self.files.browse(source.import_file("night.csv", base64.b64encode(cdr().encode()).decode()))
        self.assertEqual((file.state, file.name), ("waiting", "night.csv"))
        self.files._cron_import()
        self.assertEqual((file.state, self._counts(file)), ("done", (1, 0, 0, 0, 0)))
        for content in ("no base64!", None, 5, "é"):
            with self.assertRaises(UserError):
                source.import_file("x", content)

    def test_another_company_sees_nothing_of_it(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        file = self._import(self._bad())
        stranger = self._make_user("sources.stranger", "finance_manager")
        stranger.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        for record in (file, file.line_ids):
            with self.assertRaises(AccessError):
                record.with_user(stranger).read()
        with self.assertRaises(AccessError):
            self._preview(cdr(), user=stranger)
        theirs = self._make_wallet(company_id=other.id)
        content = cdr(userfield=f"account={theirs.account_ref}", uniqueid=f"{START}.5")
        self.assertEqual(self._counts(self._import(content)), (0, 0, 1, 0, 0))
        self.assertFalse(self.env["call.usage"].search([("wallet_id", "=", theirs.id)]))

    # === FORGETTING === #

    def test_no_number_stays_with_a_file(self):
        file = self._import(cdr() + self._bad())
        attachments = self.env["ir.attachment"].search([("res_model", "=", "call.source.file")])
        self.assertFalse(attachments.filtered(lambda one: one.res_id == file.id))
        for table in ("call_source_file", "call_source_file_line", "call_source_import"):
            self.env.cr.execute(f"SELECT to_jsonb(t)::text FROM {table} t")  # pylint: disable=sql-injection
            self.assertNotIn("4155550100", str(self.env.cr.fetchall()))

    def test_a_file_that_names_a_deleted_call_is_deleted_too(self):
        self._import(cdr())
        waiting = self._preview(cdr() + self._bad())
        waiting.action_import()
        other = self._preview(cdr(START + 9, uniqueid=f"{START + 9}.1", dst="+442071838750"))
        self._usages().with_user(self.manager).action_mask()
        file = waiting.sudo().file_id
        self.assertEqual((file.state, bool(file.attachment_id)), ("cancelled", False))
        self.assertEqual(other.sudo().file_id.state, "draft")
        self.files._cron_import()
        self.assertEqual(len(self._usages()), 1)

    def test_what_was_only_looked_at_goes_after_a_day(self):
        file = self._preview(cdr()).sudo().file_id
        self.env.flush_all()
        self.env.cr.execute("UPDATE call_source_file SET write_date = '2020-01-01' WHERE id = %s", [file.id])
        self.env.invalidate_all()
        self.files._gc_files()
        self.assertFalse(file.exists())


@tagged("post_install", "-at_install", "standard")
class TestSourceFolders(SourceCase):
    """Files that an exchange writes into a folder."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.root = Path(temporary.name, "root")
        cls.folder = cls.root / "asterisk" / "cdr-csv"
        cls.folder.mkdir(parents=True)
        cls.env["ir.config_parameter"].set_param("call_wallet.source_folder_root", str(cls.root))
        cls.source = cls._make_source("asterisk", tz="Europe/Madrid", wallet_id=cls.wallet.id)
        cls.source.folder = "asterisk/cdr-csv"
        cls.files = cls.env["call.source.file"]

    def setUp(self):
        super().setUp()
        for path in self.folder.iterdir():
            path.unlink()

    def _poll(self):
        self.files._cron_poll()
        self.files._cron_import()
        self.env.invalidate_all()

    def _write(self, text, name="Master.csv", mode="a", old=False):
        path = self.folder / name
        with path.open(mode) as file:
            file.write(text)
        if old:
            os.utime(path, (0, 0))
        return path

    def _line(self, number):
        return cdr(START + number, uniqueid=f"{START + number}.1")

    def _refs(self):
        return [int(usage.call_ref.split(".")[0]) - START for usage in self._usages()]

    def test_a_growing_file_is_read_on_from_where_it_ended(self):
        self._write(self._line(0) + self._line(1)[:50])
        self._poll()
        self.assertEqual(self._refs(), [0])  # the second line is being written
        self._write(self._line(1)[50:] + self._line(2))
        self._poll()
        self._poll()
        self.assertEqual(self._refs(), [0, 1, 2])
        self.assertEqual(self._files_of("Master.csv").mapped("new_count"), [1, 2])
        self._write(cdr(START + 3, billsec=""))
        self._poll()
        file = self._files_of("Master.csv")[-1]
        self.assertEqual((file.faulty_count, file.line_ids.line), (1, 4))  # as an editor numbers it

    def _files_of(self, name):
        return self.files.search([("source_id", "=", self.source.id), ("name", "=", name)], order="id")

    def test_a_rotated_file_loses_nothing_and_repeats_nothing(self):
        self._write(self._line(0))
        self._poll()
        self._write(self._line(1))  # written after the last look, and rotated before the next
        (self.folder / "Master.csv").rename(self.folder / "Master.csv.1")
        self._write(self._line(2))
        self._poll()
        self.assertEqual(sorted(self._refs()), [0, 1, 2])
        self.assertEqual(self._files_of("Master.csv.1").mapped("known_count"), [0])
        self._write(self._line(3), mode="w")  # copied and begun anew
        self._poll()
        self._poll()
        self.assertEqual(sorted(self._refs()), [0, 1, 2, 3])

    def test_headings_count_further_on_too(self):
        header = "calldate,dst,billsec,disposition,uniqueid\n"
        self._write(f"{header}2026-11-01 11:00:00,{NUMBER},61,ANSWERED,{START}.1\n")
        self._poll()
        self._write(f"2026-11-01 11:00:01,{NUMBER},61,ANSWERED,{START + 1}.1\n")
        self._poll()
        self.assertEqual(self._refs(), [0, 1])

    def test_a_file_that_is_written_as_a_whole_is_read_once_it_rests(self):
        self.source.folder_grows = False
        path = self._write(self._line(0).rstrip("\n"))
        self._poll()
        self.assertFalse(self._usages())
        os.utime(path, (0, 0))
        self._poll()
        self._poll()
        self.assertEqual(self._refs(), [0])
        self.assertEqual(len(self._files_of("Master.csv")), 1)

    def test_links_and_ways_out_are_refused(self):
        secret = self._outside("secret.csv")
        (self.folder / "link.csv").symlink_to(secret)
        (self.folder / ".hidden").write_text(self._line(6))
        (self.folder / "folder.csv").mkdir()
        self.addCleanup((self.folder / "folder.csv").rmdir)
        os.mkfifo(self.folder / "pipe.csv")
        self._poll()
        self.assertFalse(self.files.search([("source_id", "=", self.source.id)]))
        (self.root / "out").symlink_to(secret.parent)
        for folder in ("..", "asterisk/../..", "/etc", "out", "asterisk//cdr-csv", ".", "nowhere", "a\\b", "asterisk/"):
            with self.assertRaises(ValidationError):
                self.source.folder = folder
        self.source.folder = "asterisk/cdr-csv"

    def _outside(self, name):
        path = self.root.parent / name
        path.write_text(self._line(5))
        return path

    def test_a_folder_that_has_gone_is_told(self):
        moved = self.folder.with_name("moved")
        self.folder.rename(moved)
        self._poll()
        self.assertIn("Folder", self.source.folder_problem)
        moved.rename(self.folder)
        self._poll()
        self.assertFalse(self.source.folder_problem)

    def test_only_an_administrator_names_a_folder(self):
        for method, value in (("write", {"folder": "asterisk"}), ("read", ["folder"])):
            with self.assertRaises(AccessError), mute_logger("odoo.models"):
                getattr(self.source.with_user(self.manager), method)(value)
        self.env["ir.config_parameter"].set_param("call_wallet.source_folder_root", False)
        with self.assertRaises(ValidationError):
            self._make_source("asterisk").folder = "asterisk"
        self.env["ir.config_parameter"].set_param("call_wallet.source_folder_root", str(self.root))

    def test_a_copy_for_testing_takes_no_files(self):
        self._write(self._line(0))
        self.files._cron_poll()
        self.env.flush_all()
        self.env.cr.execute(file_open("call_wallet/data/neutralize.sql").read())
        self.env.invalidate_all()
        self._write(self._line(1))
        self._poll()
        self.assertFalse(self._usages())
        self.assertFalse(self.source.folder)
