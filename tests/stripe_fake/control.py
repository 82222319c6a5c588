"""What tests may make happen, as methods here and as ``POST /_test/<name>`` for other processes."""

import json


class Control:
    def __init__(self, fake):
        self.fake = fake
        self.plans = []  # (kind, path): what goes wrong next

    def next(self, kind, path, times=1):
        """Let the next requests to a path ``fail`` with 500, or ``drop`` the line after carrying them out."""
        self.plans += [(kind, path)] * times

    def take(self, kind, path):
        for plan in self.plans:
            if plan[0] == kind and path.endswith(plan[1]):
                self.plans.remove(plan)
                return True
        return False

    def handle(self, method, path, body):
        values = json.loads(body or "{}")
        name = path.removeprefix("/_test/")
        fake = self.fake
        actions = {
            "next": lambda: self.next(**values),
            "dispute": lambda: fake.money_back.open_dispute(values["charge"], values.get("amount")),
            "withdraw": lambda: fake.money_back.withdraw(values["dispute"]),
            "close": lambda: fake.money_back.close(values["dispute"], values["won"]),
            "fail_refund": lambda: fake.money_back.fail_refund(values["refund"]),
            "settle": lambda: fake.payments.settle(
                fake.store.get("payment_intent", values["payment_intent"]), values.get("succeeded", True)
            ),
            "pay_out": lambda: fake.payouts.pay_out(**values),
            "fail_payout": lambda: fake.payouts.fail(**values),
            "charge_fee": lambda: fake.payouts.charge(**values),
            "fund": lambda: fake.cash.fund(values["customer"], values["amount"]),
            "pause": lambda: setattr(fake.webhooks, "is_paused", values.get("paused", True)),
            "redeliver": lambda: self._redeliver(**values),
            "objects": lambda: fake.store.objects,
        }
        if name not in actions:
            return 404, {"error": f"{name}: one of {', '.join(actions)}"}
        with fake.store.lock:
            result = actions[name]()
            fake.store.save()
        return 200, result

    def _redeliver(self, event=None, times=1):
        """Send an event (or all there are) again; return how it was answered each time."""
        events = [self.fake.store.get("event", event)] if event else self.fake.store.find("event")
        endpoints = self.fake.store.find("webhook_endpoint")
        for _time in range(times):
            for item in events:
                for endpoint in endpoints:
                    self.fake.webhooks.queue.put((endpoint, item))
        return len(events) * times
