"""Nobody changes through a wallet what Odoo would refuse them: how people sign in, and who they are."""

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from .test_portal import PortalCommon


@tagged("post_install", "-at_install", "standard")
class TestAccountsOfPeople(PortalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("people.clerk", "finance")

    def test_a_clerk_cannot_redirect_an_administrator_s_password_reset(self):
        admin = new_test_user(self.env, login="people.admin", groups="base.group_system")
        values = {"partner_id": admin.partner_id.id, "account_ref": "ADMIN", "currency_id": self.dollar.id}
        with self.assertRaisesRegex(ValidationError, "people.admin.*works here"):
            self.env["call.wallet"].with_user(self.clerk).create(values)
        # Nor one who became an administrator after the wallet was made.
        wallet = self._addressed()
        admin.partner_id = wallet.partner_id
        wallet.partner_id.email = "admin@platform.example"
        wallet.with_user(self.clerk).set_billing_information({"email": "clerk@else.example"})
        self.assertEqual(wallet.partner_id.email, "admin@platform.example")
        self.assertEqual(admin.email, "admin@platform.example")
        with self.assertRaisesRegex(UserError, "Name: .* signs in"):
            wallet.with_user(self.clerk).set_billing_information({"name": "Nobody"})

    def test_an_archived_user_s_contact_is_not_changed_either(self):
        gone = new_test_user(self.env, login="people.gone", groups="base.group_user")
        wallet = self._addressed()
        gone.partner_id = wallet.partner_id
        gone.active = False
        with self.assertRaisesRegex(UserError, "signs in"):
            wallet.with_user(self.clerk).set_billing_information({"name": "Nobody"})

    def test_an_owner_cannot_take_a_colleague_s_login(self):
        wallet = self._addressed()
        boss = new_test_user(self.env, login="people.boss", groups="base.group_portal", email="boss@boss.example")
        boss.partner_id = wallet.partner_id
        wallet.partner_id.email = "boss@boss.example"
        helper = new_test_user(self.env, login="people.helper", groups="base.group_portal")
        helper.partner_id.parent_id = wallet.partner_id
        wallet.owner_ids = boss | helper
        wallet.with_user(helper).set_billing_information({"email": "helper@boss.example"})
        self.assertEqual(boss.email, "boss@boss.example")
        self.assertEqual(wallet.with_user(helper).billing_information()["email"], "helper@boss.example")
        with self.assertRaisesRegex(UserError, "Name: .* signs in"):
            wallet.with_user(helper).set_billing_information({"name": "Helper"})
        # In Odoo people change their own name and address themselves; so they do here.
        wallet.with_user(boss).set_billing_information({"name": "Boss Calls"})
        self.assertEqual(wallet.partner_id.name, "Boss Calls")

    def test_values_of_other_kinds_are_refused_by_name(self):
        wallet = self._addressed().with_user(self.clerk)
        for values in (5, None, True, "name", [["name", "y"]]):
            with self.subTest(values=values), self.assertRaisesRegex(UserError, "an object of its fields"):
                wallet.set_billing_information(values)
        for value in ("a\0b", "a\ud800b", 5, ["x"]):
            with self.subTest(value=value), self.assertRaisesRegex(UserError, "Send text"):
                wallet.set_billing_information({"name": value})

    def test_invoices_are_mailed_to_the_billing_e_mail(self):
        self.partner.write({"email": "hello@initrode.example"})
        self.wallet.with_user(self.owner).set_billing_information(
            {**self._address(), "name": "Initrode", "email": "invoices@initrode.example"}
        )
        self.assertEqual(self.partner.email, "hello@initrode.example")
        invoice = self._order("100").invoice_id
        self.assertEqual(self._mailed_to(invoice), ["invoices@initrode.example"])
        # Once more: the same contact, which is not one of the customer's people.
        self.assertEqual(self._mailed_to(self._order("50").invoice_id), ["invoices@initrode.example"])
        contact = self.partner.child_ids.filtered(lambda one: one.email == "invoices@initrode.example")
        self.assertEqual(len(contact), 1)
        self.assertEqual(self.partner.address_get(["invoice"])["invoice"], self.partner.id)

    def test_what_is_no_top_up_is_mailed_as_ever(self):
        self.partner.email = "hello@initrode.example"
        self.wallet.billing_email = "invoices@initrode.example"
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [(0, 0, {"name": "Advert", "price_unit": 10})],
            }
        )
        invoice.action_post()
        self.assertEqual(self._mailed_to(invoice), ["hello@initrode.example"])

    def test_without_one_of_its_own_it_is_the_customer_s(self):
        self.partner.email = "hello@initrode.example"
        self.assertEqual(self.wallet.billing_information()["email"], "hello@initrode.example")
        self.assertEqual(self._mailed_to(self._order("100").invoice_id), ["hello@initrode.example"])

    def test_finance_changes_it_on_the_form_and_account_managers_do_not(self):
        with Form(self.wallet.with_user(self.clerk)) as form:
            form.billing_email = "ap@initrode.example"
        self.assertEqual(self.wallet.billing_email, "ap@initrode.example")
        with self.assertRaisesRegex(ValidationError, "Billing e-mail: nowhere is not a valid address"):
            self.wallet.with_user(self.clerk).billing_email = "nowhere"
        manager = self._make_user("people.manager", "account_manager")
        with self.assertRaisesRegex(Exception, "finance staff's to change"):
            self.wallet.with_user(manager).billing_email = "me@else.example"

    def _addressed(self):
        wallet = self._make_wallet()
        wallet.partner_id.write({**self._address(), "email": "hello@customer.example"})
        return wallet

    def _address(self):
        return {
            "street": "Main Street 1",
            "city": "Dover",
            "zip": "19901",
            "state_id": self.env.ref("base.state_us_8").id,
            "country_id": self.env.ref("base.us").id,
        }

    def _order(self, amount):
        return self.wallet.create_topup(amount)

    def _mailed_to(self, invoice):
        wizard = (
            self.env["account.move.send.wizard"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"move_id": invoice.id})
        )
        return wizard.mail_partner_ids.mapped("email")
