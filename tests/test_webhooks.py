"""Events are sent to webhooks: signed, in order, again until they are accepted, and not for ever."""

import json
import logging
import threading
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.exceptions import AccessError, UserError, ValidationError

from .common import CallWalletCommon
from .hook_receiver import answer_with, hang_up, receiving

ADDON = Path(__file__).resolve().parents[1] / "call_wallet"
ALLOWED = "call_wallet.webhook_allowed_hosts"


class TestWebhooks(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._make_user("webhooks.manager", "finance_manager")
        cls.deliveries = cls.env["call.wallet.webhook.delivery"]

    def setUp(self):
        super().setUp()
        self.env["call.wallet"].list_events()  # what came before is no webhook's
        self.now = utcnow()
        self.enterContext(recorded_at(self.now))
        self.receiver = self.enterContext(receiving())
        self.env["ir.config_parameter"].set_param(ALLOWED, self.receiver.host)
        self.webhook = self._make_webhook()
        self.receiver.secret = self.webhook.secret

    def _make_webhook(self, **values):
        values = {"name": "Platform", "url": self.receiver.url, **values}
        return self.env["call.wallet.webhook"].with_user(self.manager).create(values)

    def _pause_and_resume(self, times=1):
        for _time in range(times):
            self.wallet.action_pause("Unpaid bills")
            self.wallet.action_resume()

    def _send(self, after=timedelta()):
        """Let the scheduled action run so much later than the test began; return the deliveries, oldest first."""
        with recorded_at(self.now + after):
            self.deliveries._cron_send()
        self.env.flush_all()
        return self.deliveries.search([], order="id")

    def _tasks(self):
        self.env.flush_all()
        tasks = self.env["call.wallet.waiting"].search([("model", "=", "call.wallet.webhook")])
        return [(task.summary, task.next_step, task.company_id) for task in tasks]

    # === WHAT IS SENT === #

    def test_events_arrive_signed_and_in_order(self):
        self._pause_and_resume(3)
        delivered = self._send()
        self.assertEqual(set(delivered.mapped("state")), {"delivered"})
        self.assertEqual(
            [content["type"] for content in self.receiver.accepted], ["wallet.paused", "wallet.resumed"] * 3
        )
        self.assertEqual(self.webhook.health, "good")
        read = self.env["call.wallet"].list_events(after=self.receiver.accepted[0]["data"]["event"] - 1)
        for event, content in zip(read, self.receiver.accepted, strict=True):
            self.assertEqual(content, {name: event[name] for name in ("id", "type", "timestamp", "data")})
            self.assertEqual(content["data"]["account"], self.wallet.account_ref)
        self.assertEqual(set(json.loads(self.receiver.received[0][1])), {"type", "timestamp", "data"})
        headers = self.receiver.received[0][0]
        self.assertEqual(headers["content-type"], "application/json")
        self._send(timedelta(days=1))
        self.assertEqual(len(self.receiver.received), 6)

    def test_the_reader_that_publishes_first_takes_nothing_from_the_webhook(self):
        self._pause_and_resume()
        self.env["call.wallet"].list_events()
        self._send()
        self.assertEqual(len(self.receiver.accepted), 2)

    def test_only_what_was_chosen_is_sent(self):
        self.webhook.type_ids = self.env.ref("call_wallet.event_type_wallet_resumed")
        self._pause_and_resume()
        self._send()
        self.assertEqual([content["type"] for content in self.receiver.accepted], ["wallet.resumed"])

    def test_every_type_can_be_chosen(self):
        from odoo.addons.call_wallet.models.events.call_wallet_event import EVENT_TYPES

        self.assertEqual(self.env["call.wallet.event.type"].search([]).mapped("code"), list(EVENT_TYPES))

    def test_another_company_s_webhook_gets_nothing(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        elsewhere = self.env["call.wallet.webhook"].create(
            {"name": "Elsewhere", "url": self.receiver.url, "company_id": other.id}
        )
        self._pause_and_resume()
        self.assertEqual(self._send().webhook_id, self.webhook)
        self.assertFalse(elsewhere.with_user(self.manager).has_access("read"))

    def test_it_stays_with_its_company_and_so_do_its_deliveries(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = self._make_user("webhooks.elsewhere", "finance_manager")
        stranger.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        self.manager.company_ids |= other  # even for who works with both
        self.wallet.action_pause("Unpaid bills")
        delivery = self._send()
        with self.assertRaisesRegex(UserError, "another webhook"), self.env.cr.savepoint():
            self.webhook.company_id = other
        self.webhook.company_id = self.company  # the same again is no change
        self.assertEqual(self.webhook.company_id, self.company)
        # Earlier it could be moved: what was sent before stays with whose events they are.
        self.env.flush_all()
        self.env.cr.execute("UPDATE call_wallet_webhook SET company_id = %s", [other.id])
        self.env.invalidate_all()
        self.assertTrue(self.webhook.with_user(stranger).has_access("read"))
        for kept in (delivery.with_user(stranger), delivery.event_id.with_user(stranger)):
            self.assertFalse(kept.has_access("read"))
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            delivery.with_user(stranger).action_replay()
        self.webhook.with_user(stranger).action_replay_failed()
        self._send()
        self.assertEqual(len(self.receiver.received), 1)

    def test_what_came_before_it_is_not_sent(self):
        self.webhook.active = False
        self._pause_and_resume()
        self.webhook.active = True
        self._make_webhook(name="Later")
        self.assertFalse(self._send())

    def test_what_is_rolled_back_is_not_sent(self):
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._pause_and_resume()
            raise UserError("An import that was only tried out")
        self._send()
        self.assertFalse(self.receiver.received)

    # === AGAIN === #

    def test_what_is_not_accepted_is_sent_again_for_three_days_and_then_given_up(self):
        self.receiver.always = 500
        self.wallet.action_pause("Unpaid bills")
        pauses, moment = [], timedelta()
        while (delivery := self._send(moment)).state == "waiting":
            due = delivery.next_attempt_at - self.now
            pauses.append(due - moment)
            self._send(due - timedelta(seconds=1))  # not yet
            moment = due
        hours = [pause / timedelta(hours=1) for pause in pauses[2:]]
        self.assertEqual(pauses[:2], [timedelta(seconds=5), timedelta(minutes=5)])
        self.assertEqual(hours, [0.5, 2, 5, 10, 12, 12, 12, 12, 6])  # 71.5 in all
        self.assertEqual((delivery.state, delivery.attempts, delivery.status), ("failed", 12, 500))
        self.assertEqual(len(self.receiver.received), 12)
        self.assertEqual(len(set(self.receiver.ids())), 1)
        self.assertEqual(delivery.answer, '{"seen": 12}')
        [(summary, _next_step, company)] = self._tasks()
        self.assertEqual((summary, company), ("Webhook Platform fails", self.company))
        self.assertEqual((self.webhook.health, self.webhook.failed_count), ("failing", 1))
        # The receiver works again.
        self.receiver.always = 204
        self.webhook.action_replay_failed()
        delivery = self._send()
        self.assertEqual((delivery.state, self.webhook.health, self.webhook.failed_count), ("delivered", "good", 0))
        self.assertEqual(len(set(self.receiver.ids())), 1)
        self.assertEqual(self.receiver.accepted[0]["type"], "wallet.paused")

    def test_one_that_is_refused_keeps_no_other_waiting(self):
        self.receiver.answers = [500]
        self._pause_and_resume()
        self.assertEqual(self._send().mapped("state"), ["waiting", "delivered"])
        self.assertEqual(self._send(timedelta(seconds=5)).mapped("state"), ["delivered", "delivered"])
        numbers = [content["data"]["event"] for content in self.receiver.accepted]
        self.assertEqual(numbers, sorted(numbers, reverse=True))  # the number tells the order

    def test_a_receiver_that_cannot_be_reached_is_asked_for_one_event_only(self):
        self.receiver.answers = [hang_up]
        self._pause_and_resume(2)
        first, *others = self._send()
        self.assertEqual((first.problem, first.attempts, first.state), ("connection", 1, "waiting"))
        for delivery in others:
            self.assertEqual((delivery.attempts, delivery.next_attempt_at), (0, self.now + timedelta(minutes=1)))
        self.assertEqual(len(self.receiver.received), 1)
        self.assertEqual(set(self._send(timedelta(minutes=1)).mapped("state")), {"delivered"})

    def test_a_slow_receiver_keeps_no_other_waiting(self):
        with receiving() as other:
            self.env["ir.config_parameter"].set_param(ALLOWED, f"{self.receiver.host} {other.host}")
            second = self._make_webhook(name="Second", url=other.url)
            other.secret = second.secret
            self.receiver.answers = [hang_up]
            self._pause_and_resume()
            self._send()
            self.assertEqual(len(other.accepted), 2)

    def test_a_quick_receiver_goes_on_while_another_one_still_thinks(self):
        everything_came = threading.Event()
        waited = []

        def think(_handler):
            waited.append(everything_came.wait(10))
            return 204

        def quick(_handler):
            if len(self.receiver.received) == 102:  # 51 times two events, more than one batch of 50
                everything_came.set()
            return 204

        with self._second_receiver() as slow:
            slow.answers = [think]
            self.receiver.always = quick
            self._pause_and_resume(51)
            deliveries = self._send()
            self.assertEqual(waited[0], True, "the quick receiver waited for the slow one")
            self.assertEqual(set(deliveries.mapped("state")), {"delivered"})
            self.assertEqual((len(self.receiver.accepted), len(slow.accepted)), (102, 102))

    def test_who_never_had_a_turn_comes_before_second_turns(self):
        for number in range(9):
            self._make_webhook(name=f"Busy {number}")
        seen = []

        def first(_handler):
            seen.append(len(self.receiver.received))
            return 204

        with self._second_receiver() as newcomer:
            newcomer.answers = [first]
            self._pause_and_resume(26)  # 52 events: two batches for each of the ten
            self._send()
        # Ten batches of 50 are 500; it waits for one receiver's batch, and not for second batches.
        self.assertLessEqual(seen[0], 500)

    @contextmanager
    def _second_receiver(self):
        with receiving() as other:
            self.env["ir.config_parameter"].set_param(ALLOWED, f"{self.receiver.host} {other.host}")
            other.secret = self._make_webhook(name="Second", url=other.url).secret
            yield other

    def test_a_receiver_that_asks_to_wait_gets_nothing_until_then(self):
        self.receiver.answers = [answer_with(429, Retry_After="1000")]
        self._pause_and_resume(2)
        deliveries = self._send()
        self.assertEqual(set(deliveries.mapped("next_attempt_at")), {self.now + timedelta(seconds=1000)})
        self.assertEqual(deliveries.mapped("attempts"), [1, 0, 0, 0])
        self._send(timedelta(seconds=999))
        self.assertEqual(len(self.receiver.received), 1)
        self.assertEqual(set(self._send(timedelta(seconds=1000)).mapped("state")), {"delivered"})

    def test_nobody_is_waited_for_longer_than_half_a_day_at_once(self):
        self.receiver.answers = [answer_with(503, Retry_After="99999999")]
        self.wallet.action_pause("Unpaid bills")
        self.assertEqual(self._send().next_attempt_at, self.now + timedelta(hours=12))

    def test_a_receiver_that_is_gone_is_switched_off_and_somebody_told(self):
        # Finance staff who may not open webhooks are there for longer.
        self.manager.group_ids = self.env.ref("call_wallet.group_finance")
        self.manager = self._make_user("webhooks.manager.later", "finance_manager")
        self.webhook = self.webhook.with_user(self.manager)
        self.receiver.answers = [answer_with(410)]
        self._pause_and_resume()
        self.assertEqual(self._send().mapped("state"), ["failed", "failed"])
        self.assertEqual((self.webhook.active, self.webhook.health), (False, "off"))
        [(_summary, next_step, _company)] = self._tasks()
        self.assertIn("410", next_step)
        task = self.webhook.sudo().activity_ids
        self.assertTrue(self.webhook.with_user(task.user_id).has_access("write"), "whoever gets the task can do it")
        self._pause_and_resume()
        self._send(timedelta(days=1))
        self.assertEqual(len(self.receiver.received), 1)
        with self.assertRaises(UserError):
            self.webhook.action_replay_failed()
        self.webhook.active = True
        self.webhook.action_replay_failed()
        self._send()
        self.assertEqual(len(self.receiver.accepted), 2)

    def test_somebody_is_told_after_a_day_in_vain_once(self):
        self.receiver.always = 401
        self.wallet.action_pause("Unpaid bills")
        self._send()
        self._send(timedelta(hours=23))
        self.assertFalse(self._tasks())
        self._send(timedelta(hours=25))
        self._send(timedelta(hours=48))
        [(_summary, next_step, _company)] = self._tasks()
        self.assertIn("for a day", next_step)

    def test_one_that_was_accepted_can_be_sent_again(self):
        self.wallet.action_pause("Unpaid bills")
        delivery = self._send()
        delivery.with_user(self.manager).action_replay()
        self._send()
        self.assertEqual(len(self.receiver.accepted), 2)
        self.assertEqual(len(set(self.receiver.ids())), 1)

    # === SECRETS === #

    def test_while_a_secret_is_replaced_both_are_valid_for_a_day(self):
        old = self.webhook.secret
        self.webhook.action_rotate_secret()
        self.assertNotEqual(self.webhook.secret, old)
        self.assertRegex(self.webhook.secret, r"^whsec_[A-Za-z0-9+/]{43}=$")
        self._pause_and_resume()
        self._send()
        self.receiver.secret = self.webhook.secret
        self._pause_and_resume()
        self._send(timedelta(hours=23))
        self.assertEqual(len(self.receiver.accepted), 4)
        self.receiver.secret = old
        self._pause_and_resume()
        self._send(timedelta(hours=24))
        self.assertEqual(len(self.receiver.accepted), 4)

    def test_a_secret_is_for_finance_managers_and_typed_in_by_nobody(self):
        for group in ("finance", "account_manager", "platform"):
            user = self._make_user(f"webhooks.{group}", group)
            with self.subTest(group=group), self.assertRaises(AccessError):
                self.webhook.with_user(user).read(["secret"])
        with self.assertRaises(AccessError):
            self.webhook.secret = "whsec_mine"
        with self.assertRaises(AccessError):
            self._make_webhook(secret="whsec_mine")
        self.assertNotEqual(self.webhook.copy().secret, self.webhook.secret)

    def test_a_secret_is_neither_logged_nor_noted(self):
        secrets = [self.webhook.secret]
        self.receiver.always = 500
        with self.assertLogs("odoo.addons.call_wallet", logging.DEBUG) as logs:
            logging.getLogger("odoo.addons.call_wallet").debug("at least one line")
            self.webhook.action_rotate_secret()
            self.wallet.action_pause("Unpaid bills")
            self._send()
        secrets.append(self.webhook.secret)
        messages = self.webhook.sudo().message_ids
        notes = messages.mapped("body") + messages.tracking_value_ids.mapped("new_value_char")
        self.assertTrue(messages)
        for secret in secrets:
            self.assertNotIn(secret, "\n".join(logs.output))
            self.assertNotIn(secret, str(notes))

    # === ADDRESSES === #

    def test_an_address_in_the_own_network_is_not_saved(self):
        for url in ("https://127.0.0.1/hook", "http://example.com/hook", "https://u:p@8.8.8.8/", "https://[::1]/"):
            with self.subTest(url=url), self.assertRaises(ValidationError):
                self.webhook.url = url

    def test_an_address_that_leads_inside_by_now_is_not_sent_to(self):
        self.env["ir.config_parameter"].set_param(ALLOWED, False)
        self.wallet.action_pause("Unpaid bills")
        delivery = self._send()
        self.assertEqual((delivery.state, delivery.problem), ("waiting", "address"))
        self.assertFalse(self.receiver.received)

    def test_only_administrators_allow_addresses_in_the_own_network(self):
        with self.assertRaises(AccessError):
            self.env["ir.config_parameter"].with_user(self.manager).set_param(ALLOWED, "127.0.0.1:8069")

    # === TESTS BY HAND === #

    def test_a_test_event_shows_what_the_receiver_answers(self):
        # Inside this transaction it is sent by the scheduled action; tests/test_webhooks_real.py has the other way.
        self.webhook.action_send_test()
        delivery = self._send()
        self.assertEqual((delivery.state, delivery.type, delivery.event_id.id), ("delivered", "webhook.test", False))
        self.assertEqual(self.receiver.accepted[0]["type"], "webhook.test")
        self.receiver.always = 500
        self.webhook.action_send_test()
        self._send()
        self._send(timedelta(hours=1))
        self.assertEqual(len(self.receiver.received), 2)
        self.assertFalse(self._tasks())
        self.assertEqual(self.webhook.failed_count, 0)

    # === KEEPING === #

    def test_old_events_are_deleted_and_those_that_wait_are_not(self):
        with recorded_at(self.now - timedelta(days=91)):
            self._pause_and_resume()
            self.deliveries._cron_send()
        last = self.env["call.wallet"].list_events()[-1]["event"]
        self.receiver.answers = [500]
        with recorded_at(self.now - timedelta(days=91)):
            self.wallet.action_pause("Unpaid bills")
            self.deliveries._cron_send()
        self.wallet.action_resume()
        self.deliveries._cron_forget()
        self.deliveries._cron_forget()
        left = self.env["call.wallet"].list_events()
        self.assertEqual([event["event"] for event in left[-2:]], [last + 1, last + 2])
        self.assertFalse([event for event in left if last - 2 < event["event"] <= last])

    def test_a_copy_for_testing_tells_nobody(self):
        self._pause_and_resume()
        self.env["call.wallet"].list_events()
        secret = self.webhook.secret
        self.env.flush_all()
        self.env.cr.execute((ADDON / "data" / "neutralize.sql").read_text())
        self.env.invalidate_all()
        self._pause_and_resume()
        self._send(timedelta(days=1))
        self.assertFalse(self.receiver.received)
        self.assertEqual((self.webhook.active, self.webhook.previous_secret), (False, False))
        self.assertNotEqual(self.webhook.secret, secret)
        self.assertRegex(self.webhook.secret, r"^whsec_[A-Za-z0-9+/]{43}=$")
