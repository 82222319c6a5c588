"""What a customer's people see of the wallet on the portal, and what they do not."""

import re
import threading
from datetime import UTC, datetime
from unittest.mock import patch

from odoo import Command, http
from odoo.addons.http_routing.tests.common import MockRequest
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged

from .common import CallWalletCommon


class PortalCommon(HttpCase, CallWalletCommon):
    """An owner, a colleague without the role, and the owner of another customer's wallet."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = cls._portal_user("portal-owner", cls.partner)
        cls.colleague = cls._portal_user("portal-colleague", cls.partner)
        cls.wallet.owner_ids = cls.owner
        cls.other = cls._make_wallet()
        cls.stranger = cls._portal_user("portal-stranger", cls.other.partner_id)
        cls.other.owner_ids = cls.stranger

    @classmethod
    def _portal_user(cls, login, company):
        user = new_test_user(
            cls.env, login=login, password=login, groups="base.group_portal", name=login.title(), lang="en_US"
        )
        user.partner_id.parent_id = company
        return user

    def path(self, page="", wallet=None):
        return f"/my/billing/{(wallet or self.wallet).id}/{page}".rstrip("/")

    def open_page(self, login, path="/my/billing"):
        if login != getattr(self, "_login", None):
            self.authenticate(login, login)
            self._login = login
        return self.url_open(path, allow_redirects=False)

    def post(self, login, path, fields):
        self.authenticate(login, login)
        self._login = login
        data = [("csrf_token", http.Request.csrf_token(self)), *fields]
        return self.url_open(path, data=data, allow_redirects=False)


@tagged("post_install", "-at_install", "standard")
class TestPortalBilling(PortalCommon):
    def test_the_owner_sees_balance_transactions_and_invoices(self):
        self._fund(self.wallet, "50", by="topup")
        self.wallet.create_topup("75")
        self._record(self._call(campaign="Nurses"))
        page = self.open_page("portal-owner").text
        for expected in ("Active", "49.97", "49.975", "Live Call to +1", "Paid", "Pending", "Pay now", "Nurses"):
            self.assertIn(expected, page)

    def test_an_empty_wallet_leads_to_its_first_top_up(self):
        page = self.open_page("portal-owner").text
        self.assertIn("One step left: add your first funds", page)
        self.assertIn(self.path("add"), page)
        self.assertIn("Nothing has happened on this wallet yet", page)

    def test_a_wallet_that_is_not_set_up_asks_for_a_recipient_and_nothing_else(self):
        self.wallet.set_recipients([])
        page = self.open_page("portal-owner").text
        self.assertIn("Say who should be told", page)
        self.assertNotIn("data-figure", page)
        self.assertNotIn(self.path("add"), page)

    def test_the_home_page_shows_status_and_balance(self):
        self._fund(self.wallet, "50")
        page = self.open_page("portal-owner", "/my").text
        self.assertIn("/my/billing", page)
        self.assertIn("Active, balance $\N{NO-BREAK SPACE}50.00", page)

    def test_an_employee_without_wallets_still_gets_the_home_page(self):
        new_test_user(self.env, login="portal-employee", password="portal-employee", groups="base.group_user")
        self.assertEqual(self.open_page("portal-employee", "/my").status_code, 200)

    def test_an_owner_of_several_wallets_changes_between_them(self):
        self.other.owner_ids |= self.owner
        page = self.open_page("portal-owner", self.path(wallet=self.other)).text
        self.assertIn(f'href="{self.path()}"', page)

    def test_the_live_parts_are_the_page_s_own(self):
        self._fund(self.wallet, "50")
        page = self.open_page("portal-owner").text
        answer = self.make_jsonrpc_request(self.path("live"), {"watch": True})
        self.assertTrue(answer["is_set_up"])
        parts = set(re.findall(r'data-live="([\w-]+)"', answer["html"]))
        self.assertIn("figures", parts)
        self.assertEqual(parts, set(re.findall(r'data-live="([\w-]+)"', page)))
        self.assertEqual(self.env["call.wallet.watch"]._watched(self.wallet.ids), {self.wallet.id: True})


@tagged("post_install", "-at_install", "standard")
class TestPortalSettings(PortalCommon):
    # === NOTIFICATIONS === #

    def save(self, *emails, **others):
        fields = [("emails", email) for email in emails] + list(others.items())
        return self.post("portal-owner", self.path("notifications"), fields)

    def test_recipients_and_threshold_are_saved(self):
        answer = self.save("billing@initrode.example", "Second@Initrode.example", threshold="12.5")
        self.assertEqual(answer.status_code, 303)
        self.assertEqual(
            self.wallet.recipient_ids.mapped("email"), ["billing@initrode.example", "second@initrode.example"]
        )
        self.assertEqual(str(self.wallet.low_balance_threshold), "12.500000")
        self.assertFalse(self.wallet.monthly_statement, "its box was not ticked")
        page = self.open_page("portal-owner", self.path("notifications")).text
        self.assertIn("Notifications saved", page)
        self.assertIn('value="12.50"', page)

    def test_bad_and_repeated_addresses_and_thresholds_are_named_and_nothing_is_saved(self):
        for emails, threshold, expected in [
            (["jo doe@initrode.example"], "5", "jo doe@initrode.example"),
            (["a@b.example", "A@b.example"], "5", "a@b.example is in the list more than once"),
            (["a@b.example"], "-1", "Threshold: enter an amount, zero or more"),
            (["a@b.example"], "lots", "is not an amount"),
            (["a@b.example"], "", "Threshold: enter an amount"),
        ]:
            with self.subTest(expected):
                answer = self.save(*emails, threshold=threshold)
                self.assertEqual(answer.status_code, 422)
                self.assertIn(expected, answer.text)
                self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["billing@initrode.example"])
                self.assertEqual(self.wallet.low_balance_threshold, 10)

    def test_the_last_recipient_is_removed_only_when_confirmed(self):
        self._fund(self.wallet, "5")
        self.assertIn("Remove the last recipient?", self.save(threshold="10").text)
        self.assertEqual(self.wallet.state, "active")
        self.assertEqual(self.save(threshold="10", confirm="1").status_code, 303)
        self.assertEqual(self.wallet.state, "not_set_up")
        self.assertBalance(self.wallet, 5)

    def test_without_scripts_the_first_recipient_sets_the_wallet_up(self):
        self.wallet.set_recipients([])
        self.assertEqual(self.save().status_code, 422)
        self.assertTrue(self.save(new_email="first@initrode.example").headers["Location"].endswith(self.path()))
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["first@initrode.example"])

    def test_only_owners_and_account_managers_set_the_threshold(self):
        self.wallet.with_user(self.owner).set_low_balance_threshold("3")
        self.wallet.with_user(self._make_user("settings.manager", "account_manager")).set_low_balance_threshold("4")
        for user in (self.colleague, self.stranger):
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).set_low_balance_threshold("5")
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).set_notifications(["a@b.example"], "5")
        self.assertEqual(self.wallet.low_balance_threshold, 4)

    # === BILLING INFORMATION === #

    def information(self, **changes):
        values = {
            "name": "Initrode Ltd",
            "email": "accounts@initrode.example",
            "street": "1 Main Street",
            "city": "Dallas",
            "zip": "75001",
            "country_id": str(self.env.ref("base.us").id),
            "state_id": str(self.env.ref("base.state_us_44").id),
            "vat": "12-3456789",
            **changes,
        }
        return list(values.items())

    def test_billing_information_is_on_later_invoices_and_not_on_earlier_ones(self):
        self.partner.write({"street": "9 Old Road", "vat": "98-7654321"})
        before = self.wallet.create_topup("50").invoice_id
        answer = self.post("portal-owner", self.path("information"), self.information())
        self.assertEqual(answer.status_code, 303)
        after = self.wallet.create_topup("60").invoice_id
        render = self.env["ir.actions.report"]._render_qweb_html
        old, new = (render("account.account_invoices", invoice.ids)[0].decode() for invoice in (before, after))
        for text in ("Initrode Ltd", "1 Main Street", "12-3456789"):
            self.assertIn(text, new)
            self.assertNotIn(text, old)
        for text in ("9 Old Road", "98-7654321"):
            self.assertIn(text, old)
            self.assertNotIn(text, new)
        self.assertEqual(self.wallet.billing_email, "accounts@initrode.example")

    def test_wrong_billing_information_is_named_by_field_and_not_saved(self):
        for field, value, expected in [
            ("name", " ", "Company name: enter"),
            ("email", "nowhere", "nowhere is not a valid address"),
            ("street", "", "Street: enter"),
            ("country_id", "", "Country: choose"),
            ("state_id", str(self.env.ref("base.state_in_mh").id), "is not in United States"),
        ]:
            with self.subTest(field):
                answer = self.post("portal-owner", self.path("information"), self.information(**{field: value}))
                self.assertEqual(answer.status_code, 422)
                self.assertIn(expected, answer.text)
                self.assertEqual(self.partner.name, "Initrode")

    def test_other_fields_of_the_customer_cannot_be_reached(self):
        self.post("portal-owner", self.path("information"), self.information(credit_limit="5", comment="x"))
        self.assertEqual(self.partner.name, "Initrode Ltd")
        self.assertFalse(self.partner.comment)
        with self.assertRaisesRegex(UserError, "comment cannot be changed here"):
            self.wallet.with_user(self.owner).set_billing_information({"comment": "x"})
        for user in (self.colleague, self.stranger):
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).set_billing_information({"name": "Mine"})

    # === PEOPLE === #

    def test_an_owner_gives_and_takes_the_role(self):
        self.assertEqual(self.open_page("portal-colleague").status_code, 404)
        self.post("portal-owner", self.path("people"), [("add", self.colleague.id)])
        self.assertEqual(self.wallet.owner_ids, self.owner | self.colleague)
        self.assertEqual(self.open_page("portal-colleague").status_code, 200)
        answer = self.post("portal-colleague", self.path("people"), [("remove", self.colleague.id)])
        self.assertTrue(answer.headers["Location"].endswith("/my"))
        self.assertEqual(self.wallet.owner_ids, self.owner)

    def test_one_owner_stays_and_outsiders_do_not_get_the_role(self):
        answer = self.post("portal-owner", self.path("people"), [("remove", self.owner.id)])
        self.assertEqual(answer.status_code, 422)
        self.assertIn("is the only owner", answer.text)
        self.assertEqual(self.post("portal-owner", self.path("people"), [("add", self.stranger.id)]).status_code, 422)
        self.assertEqual(self.wallet.owner_ids, self.owner)

    def test_only_finance_staff_and_owners_change_who_owns(self):
        manager = self._make_user("people.manager", "account_manager")
        for user in (self.colleague, self.stranger, manager):
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).add_owner(self.colleague.id)
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).remove_owner(self.owner.id)
        with self.assertRaises(AccessError):
            self.wallet.with_user(manager).write({"owner_ids": [(4, self.colleague.id)]})
        self.wallet.with_user(self._make_user("people.finance", "finance")).write(
            {"owner_ids": [(4, self.colleague.id)]}
        )
        self.assertEqual(self.wallet.owner_ids, self.owner | self.colleague)

    # === USAGE REPORT === #

    def test_the_report_page_counts_its_rows_and_refuses_bad_ranges(self):
        self._fund(self.wallet, "50")
        self._record(self._call(), self._call())
        today = datetime.now(UTC).date()
        page = self.open_page("portal-owner", self.path("report")).text
        self.assertIn("3 transactions", page)
        self.assertIn(f"date_from={today.replace(day=1)}&amp;date_to={today}&amp;format=xlsx", page)
        self.assertIn(
            "There are no transactions", self.open_page("portal-owner", self.path("report?preset=last_month")).text
        )
        for query, expected in [
            ("date_from=2026-10-02&date_to=2026-10-01", "not before From"),
            ("date_from=yesterday", "From: yesterday is not a date"),
            ("date_to=0001-01-01", "use a year between"),
        ]:
            with self.subTest(query):
                answer = self.open_page("portal-owner", self.path(f"report?preset=custom&{query}"))
                self.assertEqual(answer.status_code, 422)
                self.assertIn(expected, answer.text)


@tagged("post_install", "-at_install", "standard")
class TestPortalStrangers(PortalCommon):
    """Every page of a wallet, whoever wrote it, is for its owners alone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._fund(cls, cls.wallet, "77.77")

    def routes(self):
        # Odoo asks the thread, which serves no request here, for the database.
        with patch.object(threading.current_thread(), "dbname", self.env.cr.dbname, create=True):
            rules = list(self.env["ir.http"].routing_map().iter_rules())
        for rule in rules:
            if rule.rule.startswith("/my/billing/<int:wallet_id>"):
                arguments = {name: self.wallet.id if name == "wallet_id" else 1 for name in rule.arguments}
                yield rule.build(arguments)[1], rule.methods or {"GET", "POST"}, rule.endpoint.routing["type"]

    def answers(self):
        """Yield what each route answers to each way of asking."""
        for path, methods, kind in self.routes():
            if kind != "http":
                yield path, self.url_open(path, json={"params": {}}, allow_redirects=False)
                continue
            if "GET" in methods:
                yield path, self.url_open(path, allow_redirects=False)
            if "POST" in methods:
                data = {"csrf_token": http.Request.csrf_token(self)}
                yield path, self.url_open(path, data=data, allow_redirects=False)

    def test_colleagues_and_strangers_find_no_page(self):
        for login in ("portal-colleague", "portal-stranger"):
            self.authenticate(login, login)
            paths = set()
            for path, answer in self.answers():
                paths.add(path)
                with self.subTest(path, login=login):
                    if answer.headers["Content-Type"].startswith("application/json"):
                        self.assertEqual(answer.json()["error"]["code"], 404)
                    else:
                        self.assertEqual(answer.status_code, 404)
                    self.assertNotIn("77.77", answer.text)
            self.assertGreater(len(paths), 7)
            report = self.url_open(f"/call_wallet/usage_report/{self.wallet.id}")
            self.assertEqual(report.status_code, 403)

    def test_the_public_is_asked_to_log_in(self):
        self.authenticate(None, None)
        for path, answer in self.answers():
            with self.subTest(path):
                if answer.headers["Content-Type"].startswith("application/json"):
                    self.assertIn("error", answer.json())
                else:
                    self.assertIn("/web/login", answer.headers["Location"])

    def test_no_record_of_a_wallet_is_read_over_the_api(self):
        self._record(self._call())
        self.wallet.create_topup("50")
        models = [name for name in self.env if name.startswith("call.") and self.env[name]._auto]
        for user in (self.colleague, self.stranger):
            for name in models:
                model = self.env[name].with_user(user)
                with self.subTest(name, user=user.login):
                    try:
                        found = model.search([])
                    except AccessError:
                        continue
                    wallets = found if name == "call.wallet" else found.mapped("wallet_id")
                    self.assertLessEqual(wallets, self.other)

    def test_invoices_of_top_ups_are_for_owners_and_other_invoices_for_all_at_the_customer(self):
        topup = self._fund(self.wallet, "50", by="topup")
        credit_note = topup.invoice_id._reverse_moves([{"invoice_date": topup.invoice_id.invoice_date}])
        credit_note.action_post()
        other = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [Command.create({"name": "Headsets", "price_unit": 9})],
            }
        )
        other.action_post()
        moves = topup.invoice_id | credit_note | other
        for user, visible in [(self.owner, moves), (self.colleague, other), (self.stranger, other.browse())]:
            with self.subTest(user.login):
                found = self.env["account.move"].with_user(user).search([("id", "in", moves.ids)])
                self.assertEqual(found, visible)
                lines = self.env["account.move.line"].with_user(user).search([("move_id", "in", moves.ids)])
                self.assertEqual(lines.move_id, visible)
        page = self.open_page("portal-colleague", f"/my/invoices/{topup.invoice_id.id}")
        self.assertTrue(page.headers["Location"].endswith("/my"))

    def test_the_bus_admits_owners_alone(self):
        for user, admitted in [(self.owner, True), (self.colleague, False), (self.stranger, False)]:
            environment = self.env(user=user)
            with self.subTest(user.login), MockRequest(environment) as request:
                request.session.uid = user.id
                channels = environment["ir.websocket"]._build_bus_channel_list([f"call.wallet,{self.wallet.id}"])
                records = [channel for channel in channels if not isinstance(channel, str)]
                self.assertEqual(self.wallet in records, admitted)

    def test_a_company_s_own_wallet_belongs_to_those_who_work_there(self):
        company = self.env["res.company"].create({"name": "Platform East"})
        wallet = self._make_wallet(partner_id=company.partner_id.id)
        employee = new_test_user(self.env, login="own.employee", groups="base.group_user")
        platform = self._make_user("own.platform", "platform")
        (employee | platform).company_ids |= company
        owned = self.env["call.wallet"]._owned_by
        self.assertIn(wallet, owned(employee))
        self.assertNotIn(self.wallet, owned(employee))
        self.assertFalse(owned(platform))
        self.assertNotIn(wallet, owned(self.owner))
        wallet.with_user(employee).set_recipients(["me@company.example"])
        with self.assertRaises(AccessError):
            self.wallet.with_user(employee).set_recipients(["me@company.example"])
        with self.assertRaisesRegex(UserError, "your own company"):
            wallet.with_user(employee).set_billing_information({"name": "Renamed"})


@tagged("post_install", "-at_install", "standard")
class TestClosedWallet(PortalCommon):
    """What was is readable after closing, and nothing can be changed any more."""

    def test_a_closed_wallet_stays_readable_and_is_marked_closed(self):
        self._fund(self.wallet, "20", by="topup")
        self.wallet.close("Contract over")
        for page in ("", "transactions", "invoices", "report"):
            with self.subTest(page):
                response = self.open_page("portal-owner", self.path(page))
                self.assertEqual(response.status_code, 200)
                self.assertIn("Closed", response.text)
                self.assertNotIn("Add Balance", response.text)
        self.assertEqual(self.open_page("portal-owner").status_code, 200)
        self.assertIn("20.00", self.open_page("portal-owner", self.path("transactions")).text)
        report = self.open_page("portal-owner", f"/call_wallet/usage_report/{self.wallet.id}?format=csv")
        self.assertEqual(report.status_code, 200)

    def test_nothing_is_changed_on_a_closed_wallet_and_strangers_see_none(self):
        self._fund(self.wallet, "20", by="topup")
        self.wallet.close("Contract over")
        for page in ("add", "notifications", "information", "people", "auto"):
            self.assertEqual(self.open_page("portal-owner", self.path(page)).status_code, 404, page)
        for login in ("portal-colleague", "portal-stranger"):
            self.assertEqual(self.open_page(login, self.path()).status_code, 404, login)
