"""What the addon keeps on Odoo's own documents is typed in by nobody, whoever may edit the rest of the document."""

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .stripe_case import StripeCommon

DOCUMENTS = ("account.move", "account.move.line", "payment.transaction")
VALUES = {"float": 7, "monetary": 7, "integer": 7, "boolean": True, "char": "javascript:alert(1)", "text": "Somebody",
          "date": "2026-10-01", "datetime": "2026-10-01 00:00:00"}  # fmt: skip


@tagged("post_install", "-at_install", "standard")
class TestKeptFields(StripeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls._make_user("kept.clerk", "finance")
        cls.bookkeeper = cls._make_user("kept.bookkeeper", "account.group_account_invoice")

    def _kept(self, model):
        """Return {field: a value to try} of what the addon keeps on a model of Odoo's."""
        fields = self.env[model]._fields
        names = [name for name in fields if name.startswith("call_wallet_") and fields[name].store]
        self.assertTrue(names, model)
        return {name: self._value(fields[name]) for name in names}

    def _value(self, field):
        if field.type == "many2one":
            return self.env[field.comodel_name].search([], limit=1).id or 1
        if field.type in ("one2many", "many2many"):
            found = self.env[field.comodel_name].search([], limit=1).id or 1
            return [(4, found)]
        return VALUES[field.type]

    def _records(self):
        topup, transaction = self._order("100")
        return {
            "account.move": topup.invoice_id,
            "account.move.line": topup.invoice_id.line_ids[:1],
            "payment.transaction": transaction,
        }

    def test_nobody_types_in_what_the_addon_keeps(self):
        records = self._records()
        for user in (self.clerk, self.bookkeeper):
            for model in DOCUMENTS:
                for name, value in self._kept(model).items():
                    with self.subTest(user=user.login, field=f"{model}.{name}"):
                        record = records[model].with_user(user)
                        with self.assertRaisesRegex(AccessError, name):
                            record.write({name: value})

    def test_nor_where_a_document_is_made_by_a_default_or_inside_of_another(self):
        record = self.env["account.move"].with_user(self.clerk)
        topup = self.wallet.create_topup("100")
        for context, vals in (
            ({}, {"call_wallet_released_topup_id": topup.id, "call_wallet_released": 100}),
            ({}, {"line_ids": [(0, 0, {"call_wallet_id": self.wallet.id})]}),
        ):
            with self.subTest(vals=vals), self.assertRaises(AccessError):
                record.with_context(**context).create({"move_type": "entry", **vals})
        made = record.with_context(
            default_call_wallet_released_topup_id=topup.id, default_call_wallet_released=100
        ).create({"move_type": "entry"})
        self.assertFalse(made.sudo().call_wallet_released_topup_id)
        self.assertFalse(made.sudo().call_wallet_released)
        with self.assertRaises(AccessError):
            self.partner.with_user(self._make_user("kept.contacts", "base.group_partner_manager")).write(
                {"invoice_ids": [(1, topup.invoice_id.id, {"call_wallet_paid_back": 1})]}
            )

    def test_what_is_there_already_may_be_written_again(self):
        records = self._records()
        records["account.move"].with_user(self.clerk).write({"call_wallet_paid_back": 0, "ref": "PO 5"})
        self.assertEqual(records["account.move"].ref, "PO 5")

    def test_a_clerk_does_not_take_a_customer_s_funds_by_an_entry_of_their_own(self):
        """Releasing is a finance manager's: it comes off what the wallet was credited with."""
        topup = self._fund(self.wallet, "100", by="topup")
        entry = self.env["account.move"].with_user(self.clerk).create({"move_type": "entry"})
        with self.assertRaises(AccessError):
            entry.write({"call_wallet_released_topup_id": topup.id, "call_wallet_released": 100})
        topup._sync()
        self.assertBalance(self.wallet, 100)

    def test_a_payment_that_nobody_signed_stays_no_money(self):
        topup, transaction = self._order("100")
        transaction.call_wallet_is_unsigned = True
        with self.assertRaises(AccessError):
            transaction.with_user(self.bookkeeper).call_wallet_is_unsigned = False

    def test_a_clerk_does_not_send_money_back_and_leave_the_funds_in_the_wallet(self):
        """A refund that counts as shared out already gets no credit note, and takes nothing from the wallet."""
        _topup, transaction = self._order("100")
        with self.assertRaises(AccessError):
            transaction.with_user(self.clerk).call_wallet_is_divided = True

    def test_the_proof_of_terms_and_the_version_of_a_price_deck_are_typed_in_by_nobody(self):
        manager = self._make_user("kept.manager", "finance_manager")
        terms = self.env["call.wallet.terms"].search([], limit=1).with_user(manager)
        with self.assertRaises(AccessError):
            terms.fingerprint = "0" * 64
        with self.assertRaises(AccessError):
            self.plan.with_user(self.clerk).deck_version = 1
