"""What a source has said of one call becomes the call that is reported: the pure part, without a database."""

import unittest
from datetime import UTC, datetime, timedelta

from odoo.addons.call_wallet.tools.sources.event import CallEvent, Unusable
from odoo.addons.call_wallet.tools.sources.gathering import is_same, merge, to_json, to_payload

START = datetime(2026, 11, 1, 10, tzinfo=UTC)
CALL = {"direction": "outbound", "number": "+14155550100", "started_at": START}


def at(seconds):
    return START + timedelta(seconds=seconds)


def payload(**facts):
    return to_payload(to_json({**CALL, **facts}), "c-1", "ACME", "live")


class TestGathering(unittest.TestCase):
    def test_a_call_that_was_answered_is_not_free_however_it_ended(self):
        ended = payload(answered_at=at(10), ended_at=at(610), status="failed")
        self.assertEqual((ended["status"], ended["duration_seconds"]), ("completed", 600))
        ended = payload(answered_at=at(10), ended_at=at(10.2), status="no_answer")
        self.assertEqual((ended["status"], ended["duration_seconds"]), ("completed", 1))  # a begun second
        ended = payload(ended_at=at(30), status="no_answer")
        self.assertEqual((ended["status"], ended["duration_seconds"]), ("no_answer", 0))

    def test_what_the_source_says_of_the_duration_holds(self):
        ended = payload(answered_at=at(10), ended_at=at(610), duration_seconds=30, status="failed")
        self.assertEqual((ended["status"], ended["duration_seconds"]), ("failed", 30))

    def test_an_end_before_the_answer_is_told(self):
        with self.assertRaises(Unusable) as caught:
            payload(answered_at=at(10), ended_at=at(5), status="completed")
        self.assertIn("ended_at", str(caught.exception))

    def test_of_two_ends_the_one_with_talk_counts(self):
        missed = CallEvent("c-1", {**CALL, "status": "no_answer", "duration_seconds": 0}, is_over=True)
        talked = CallEvent("c-1", {**CALL, "status": "completed", "duration_seconds": 61}, is_over=True)
        for first, second in ((missed, talked), (talked, missed)):
            facts = merge(merge({}, False, first), True, second)
            self.assertEqual((facts["status"], facts["duration_seconds"]), ("completed", 61))

    def test_the_same_call_by_two_ways(self):
        known = {
            "duration_seconds": 60, "status": "completed", "number": "+14155550100",
            "started_at": "2026-11-01T10:00:00+00:00",
        }  # fmt: skip
        for facts, expected in (
            ({"duration_seconds": 61}, True),  # one of them has cut a second off
            ({"duration_seconds": 62}, False),
            ({"number": "14155550100"}, True),
            ({"number": "+447700900000"}, False),
            ({"number": "anonymous"}, True),  # is no number that could differ
            ({"started_at": "2026-11-01T10:09:00+00:00"}, True),  # one tells when it was dialled
            ({"started_at": "2026-11-01T11:00:00+00:00"}, False),
            ({"status": "failed"}, False),
            ({}, True),
        ):
            with self.subTest(facts=facts):
                self.assertEqual(is_same(known, facts), expected)
        # A number that was deleted contradicts nothing.
        self.assertTrue(is_same({**known, "number": None}, {"number": "+447700900000"}))
        self.assertFalse(is_same(None, {"duration_seconds": 60}))
