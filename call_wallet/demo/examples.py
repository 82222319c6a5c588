import base64
import csv
import io
from datetime import date, datetime, timedelta

from odoo import Command

from ..models.events.call_wallet_webhook import ALLOWED_HOSTS
from ..tools.outbound import Answer
from .customers import Customers
from .story import set_passwords
from .told import told_at

# A dollar buys these many yen from that day on.
YEN_RATES = {date(2026, 10, 4): 150}
SPANISH_PRICES = [
    ("live", "34", "Spain, fixed", "0.06"),
    ("live", "346", "Spain, mobile", "0.08"),
    ("live", "33", "France", "0.03"),
    ("whatsapp", False, "Any number", "0.02"),
]
JAPANESE_PRICES = [
    ("live", "81", "Japan, fixed", "9"),
    ("live", "8190", "Japan, mobile", "16"),
    ("whatsapp", False, "Any number", "3"),
]
# Each day: type, number, seconds, status. 2 minutes at 0.06, 4 at 0.08, 11 at 0.03 and 3 at 0.02 are 0.83.
SPANISH_DAY = [
    ("live", "+34912345678", 95, "completed"),
    ("live", "+34612345678", 240, "completed"),
    ("live", "+33142345678", 610, "completed"),
    ("live", "+34933456789", 0, "no_answer"),
    ("whatsapp", "+34622345678", 130, "completed"),
]
# 5 minutes at 9, 4 at 16 and 2 at 3 are 115.
JAPANESE_DAY = [
    ("live", "+81312345678", 300, "completed"),
    ("live", "+819012345678", 200, "completed"),
    ("live", "+81612345678", 0, "busy"),
    ("whatsapp", "+819087654321", 61, "completed"),
]
ORDERED, FIRST_DAY, DAYS = datetime(2026, 10, 15, 9), datetime(2026, 10, 16, 8), 14
# From then on 8 yen were agreed instead of 9, and nobody entered it in time.
AGREED = datetime(2026, 10, 23)
EMPLOYEES = ["admin", "finance", "financemanager", "accountmanager"]
LAST_DAY = datetime(2026, 10, 30, 12)
# After the last calls of the day, in Madrid.
ASKED = datetime(2026, 10, 30, 16, 20)
PACKAGES = {"EUR": (50, 100, 250, 500), "JPY": (5000, 10000, 30000, 80000)}
# Of the stand-in platform that `make run` starts, which listens on this machine at another port each time.
RECEIVER = "127.0.0.1:8999"


class Examples(Customers):
    """Has something to look at in every menu, and a login for every role. See docs/demo.md."""

    def tell(self):
        """Tell it once; ``Later`` has told what the other menus have."""
        self._employ()
        self._listen()
        spanish, japanese = self._spanish_customer(), self._japanese_customer()
        self._offer_packages(spanish.currency_id, japanese.currency_id)
        self._agree_late(japanese)
        self._import_file(spanish)
        self._reject(japanese)
        self._ask_for_refund(spanish)
        self._report()
        self._deliver()
        self._call_now(japanese)

    # === PEOPLE === #

    def _employ(self):
        manager = self._make_user(
            "financemanager",
            "Mona Manager",
            "base.group_user",
            "base.group_partner_manager",
            "call_wallet.group_finance_manager",
        )
        manager.write(
            {
                "email": "financemanager@platform.example",
                "tz": "America/New_York",
                "action_id": self.env.ref("call_wallet.action_call_wallet_overview").id,
            }
        )

    def _make_user(self, login, name, *groups, **values):
        users = self.env["res.users"].with_context(no_reset_password=True)
        user = users.create(
            {
                "name": name,
                "login": login,
                "company_id": self.company.id,
                "company_ids": [Command.set(self.company.ids)],
                "group_ids": [Command.set([self.env.ref(group).id for group in groups])],
                **values,
            }
        )
        set_passwords(self.env, user)
        return user

    # === CUSTOMERS WITH OTHER CURRENCIES === #

    def _spanish_customer(self):
        """A wallet in euros; its owner reads Spanish."""
        self.env["res.lang"]._activate_lang("es_ES")
        plan = self.make_plan("Spain, in euros", self.env.ref("base.EUR"), SPANISH_PRICES)
        wallet = self.make_wallet("IBERIA", "Talento Ibérico S.L.", "Madrid", "base.es", plan, lang="es_ES")
        owner = self.env["res.partner"].create(
            {
                "name": "Lucía Serrano",
                "parent_id": wallet.partner_id.id,
                "function": "Directora de operaciones",
                "email": "lucia@iberia.example",
                "lang": "es_ES",
            }
        )
        user = self._make_user(
            "owner.iberia", owner.name, "base.group_portal", partner_id=owner.id, lang="es_ES", tz="Europe/Madrid"
        )
        wallet.owner_ids = user
        self._call_for_weeks(wallet, "500", SPANISH_DAY, "Sanidad – otoño", owner.email)
        return wallet

    def _japanese_customer(self):
        """A wallet in yen, whose prices have no decimals."""
        plan = self.make_plan("Japan, in yen", self.activate("JPY", YEN_RATES), JAPANESE_PRICES)
        wallet = self.make_wallet("SAKURA", "Sakura Jinzai K.K.", "Tokyo", "base.jp", plan)
        self._call_for_weeks(wallet, "80000", JAPANESE_DAY, "Nurses Tokyo", "kenji@sakura.example")
        return wallet

    def _call_for_weeks(self, wallet, amount, calls_of_a_day, campaign, manager):
        with told_at(self.env, self._moved(ORDERED)):
            self.pay_by_transfer(wallet.create_topup(amount, accept_terms=True).invoice_id)
        account = wallet.account_ref
        for day in range(DAYS):
            begun = self._moved(FIRST_DAY) + timedelta(days=day)
            self.record(
                [
                    {
                        "account": account,
                        "call_ref": f"{account.lower()}-{day + 1}-{number}",
                        "call_type": call_type,
                        "number": called,
                        "status": status,
                        "started_at": f"{(begun + timedelta(minutes=50 * number)).isoformat()}Z",
                        "duration_seconds": seconds,
                        "campaign": campaign,
                        "manager": manager,
                    }
                    for number, (call_type, called, seconds, status) in enumerate(calls_of_a_day, 1)
                ]
            )

    def _offer_packages(self, *currencies):
        packages = self.env["call.wallet.package"]
        for currency in currencies:
            if not packages.search_count([("currency_id", "=", currency.id)]):
                packages.create([{"amount": amount, "currency_id": currency.id} for amount in PACKAGES[currency.name]])

    # === WHAT FINANCE LOOKS AT === #

    def _agree_late(self, wallet):
        """Enter a lower price after calls were charged by the old one; a re-rating shows what is to be given back."""
        old = wallet.rate_plan_id.rate_ids.filtered(lambda rate: rate.prefix == "81")
        agreed = self._moved(AGREED)
        old.copy({"plan_id": old.plan_id.id, "price_per_minute": "8", "valid_from": agreed})
        old.valid_to = agreed
        rerate = self.env["call.usage.rerate"].create(
            {
                "reason": "The price that was agreed for Japan was entered late",
                "company_id": self.company.id,
                "wallet_ids": [Command.set(wallet.ids)],
                "date_from": agreed,
                "date_to": self._moved(LAST_DAY),
            }
        )
        rerate.action_preview()

    def _import_file(self, wallet):
        """Import an exchange's file: one call is charged, one waits for its wallet, and one line is faulty."""
        source = self.env["call.source"].create(
            {
                "name": "Exchange in Madrid",
                "kind": "asterisk",
                "company_id": self.company.id,
                "tz": "UTC",
                "line_ids": [Command.create({"key": "iberia", "wallet_id": wallet.id})],
            }
        )
        begun = self._moved(LAST_DAY)
        rows = [
            self._cdr("iberia", begun, "+34912345679", "61"),
            self._cdr("sales", begun + timedelta(minutes=7), "+34912345680", "180"),
            self._cdr("iberia", begun + timedelta(minutes=9), "+34912345681", ""),
        ]
        out = io.StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        source.import_file("Master.csv", base64.b64encode(out.getvalue().encode()).decode())
        self.env["call.source.file"]._cron_import()

    def _cdr(self, code, begun, number, seconds):
        """Return a line of Asterisk's Master.csv: it rang for 9 seconds."""
        answered = begun + timedelta(seconds=9)
        ended = answered + timedelta(seconds=int(seconds or 0))
        times = [str(moment) for moment in (begun, answered, ended)]
        total = str(int((ended - begun).total_seconds()))
        head = [
            code,
            "100",
            number,
            "from-internal",
            '"Lucía Serrano" <100>',
            "PJSIP/100-1",
            "PJSIP/trunk-1",
            "Dial",
            "",
        ]
        return [*head, *times, total, seconds, "ANSWERED", "DOCUMENTATION", f"{begun:%Y%m%d%H%M}.1", ""]

    def _reject(self, wallet):
        """Have calls reported that cannot be charged: of nobody, to where there is no price, in contradiction."""
        call = {
            "account": wallet.account_ref,
            "call_ref": "sakura-london-1",
            "call_type": "live",
            "number": "+442071838750",
            "status": "completed",
            "started_at": f"{self._moved(LAST_DAY).isoformat()}Z",
            "duration_seconds": 75,
        }
        self._platform("call.usage").record_calls(
            [
                call,
                {**call, "account": "INGEN", "call_ref": "ingen-1", "number": "+14155550100"},
                {**call, "call_ref": "sakura-14-1", "number": "+81312345678", "duration_seconds": 900},
            ]
        )

    def _ask_for_refund(self, wallet):
        clerk = self.env.ref("call_wallet.demo_user_finance")
        with told_at(self.env, self._moved(ASKED)):
            wallet.with_user(clerk).request_refund("12.50", "Calls with an echo on three days")

    def _report(self):
        """Have a report made in the background for each of those who work here: nobody sees another one's."""
        jobs, wallet = self.env["call.usage.report.job"], self.env.ref("call_wallet.demo_wallet_acme")
        days = self._moved(date(2026, 10, 1)), self._moved(date(2026, 10, 31))
        for user in self.env["res.users"].search([("login", "in", EMPLOYEES)]):
            jobs._ask(wallet, user, *days, "xlsx")._make()

    # === WHAT THE PLATFORM IS TOLD === #

    def _listen(self):
        """Have the platform told what happens: an administrator allows its address on this machine."""
        self.env["ir.config_parameter"].sudo().set_param(ALLOWED_HOSTS, RECEIVER)
        self.env["call.wallet.webhook"].create(
            {"name": "Calling platform", "company_id": self.company.id, "url": f"http://{RECEIVER}/events"}
        )

    def _deliver(self):
        """Have accepted what happened, as the platform does once it runs; it was not there for the last event."""
        self.env["call.wallet.event"]._publish()
        deliveries = self.env["call.wallet.webhook.delivery"]
        while messages := deliveries._take([]):
            answers = {message.delivery_id: Answer(status=200) for message in messages}
            deliveries._note(answers)
            self.env.flush_all()
        deliveries.search([], limit=1)._note_answer(Answer(problem="connection"))
        self.env.flush_all()

    def _call_now(self, wallet):
        """Have a call in progress, which holds funds until it ends or is lost."""
        self._platform("call.wallet").authorize_call(
            wallet.account_ref,
            "sakura-now-1",
            "live",
            "+81312345678",
            expected_seconds=3600,
            campaign="Nurses Tokyo",
            manager="kenji@sakura.example",
        )

    def _platform(self, model):
        return self.env[model].with_user(self.env.ref("call_wallet.demo_user_platform"))
