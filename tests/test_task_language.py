"""Tasks are written in the language of who gets them, whoever causes them."""

from odoo.exceptions import AccessError

from .reconciliation_case import ReconciliationCommon


class TestTaskLanguage(ReconciliationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        cls.company.partner_id.lang = "en_US"
        cls.clerk = cls._make_user("lang.clerk", "finance")
        cls.clerk.lang = "es_ES"
        cls.wallet.account_manager_id = cls.clerk

    def _in(self, lang, record=None):
        return (record if record is not None else self.wallet).with_context(lang=lang)

    def _write_off(self, lang):
        topup = self._order("2026-10-05", "1234.5")
        receivable = topup.invoice_id.line_ids.filtered(lambda item: item.account_id.account_type == "asset_receivable")
        entry = self._enter("2026-10-06", 1234.5, self.partner, receivable.account_id)
        paid = entry.line_ids.filtered(lambda item: item.account_id == receivable.account_id)
        self._in(lang, receivable + paid).reconcile()
        return topup

    def test_a_task_about_money_is_in_the_readers_language_with_its_numbers(self):
        self._write_off("en_US")
        [task] = self.wallet.activity_ids
        self.assertEqual(task.user_id, self.clerk)
        self.assertIn("se liquidó sin", task.summary)
        self.assertIn("1.234,50 USD", task.note)

    def test_whoever_else_looks_reads_it_in_their_own_language(self):
        colleague = self._make_user("lang.colleague", "finance")
        colleague.lang = "en_US"
        self._write_off("es_ES")

        def listed(user):
            waiting = self.env["call.wallet.waiting"].with_user(user).with_context(lang=user.lang)
            return waiting.search([("wallet_id", "=", self.wallet.id), ("kind", "=", "task")])

        self.assertIn("was settled without a payment", listed(colleague).reason)
        self.assertIn("A finance manager decides", listed(colleague).next_step)
        self.assertIn("se liquidó sin", listed(self.clerk).reason)
        # What somebody has written there is nobody's to translate.
        self.wallet.activity_ids.summary = "Preguntar a Ana"
        self.env.invalidate_all()
        self.assertEqual(listed(colleague).reason, "Preguntar a Ana")
        self.assertIn("A finance manager decides", listed(colleague).next_step)

    def test_a_sentence_made_of_others_is_read_in_one_language(self):
        owner = self._make_user("lang.owner", "base.group_portal")
        owner.partner_id.parent_id = self.partner
        self.wallet.owner_ids = owner
        owner.active = False
        waiting = self.env["call.wallet.waiting"].with_context(lang="en_US")
        [task] = waiting.search([("wallet_id", "=", self.wallet.id), ("kind", "=", "task")])
        self.assertIn("is not an owner any more", task.reason)
        self.assertIn("cannot sign in any more. Nobody owns the wallet now", task.next_step)
        self.assertIn("ya no", self.wallet.activity_ids.summary)

    def test_without_a_language_of_theirs_it_is_the_companys(self):
        self.clerk.partner_id.lang = False
        self._write_off("es_ES")
        [task] = self.wallet.activity_ids
        self.assertIn("was settled without a payment", task.summary)
        self.assertIn("1,234.50 USD", task.note)

    def test_calls_stopped(self):
        self._fund(self.wallet, "0.0125")
        self._record(self._call())
        self.env["call.wallet.alert"].with_context(lang="en_US")._cron_send()
        [task] = self.wallet.activity_ids
        self.assertIn("saldo", task.summary)

    def test_what_is_kept_is_in_the_customers_or_the_companys_language_whoever_causes_it(self):
        for lang, customers, expected in (
            ("es_ES", "en_US", "Live Call"),
            ("en_US", "es_ES", "Llamada en vivo"),
            ("es_ES", False, "Live Call"),  # the company's
        ):
            self.wallet.partner_id.lang = customers
            call = self._call()
            self._in(lang, self.env["call.usage"]).record_calls([call])
            transaction = self.wallet.transaction_ids.filtered(lambda row, call=call: call["call_ref"] in row.key)
            self.assertEqual(transaction.description, f"{expected} {call['call_ref']}")
        self._in("es_ES").action_pause("Revisión")
        self.assertIn("Paused: Revisión", self.wallet.message_ids[0].body)

    def test_a_closed_wallet_with_a_balance(self):
        manager = self._make_user("lang.manager", "finance_manager")
        manager.lang = "es_ES"
        self.wallet.with_user(manager).close("Fin")
        self._in("en_US")._ask_to_settle()
        [task] = self.wallet.activity_ids
        self.assertEqual(task.user_id, manager)
        self.assertIn("cerrado", task.summary)

    def test_a_request_for_approval(self):
        manager = self._make_user("lang.approver", "finance_manager")
        manager.lang = "es_ES"
        request = self._in("en_US").request_refund("40", "<b>Mala línea</b>")
        [task] = request.activity_ids.filtered(lambda task: task.user_id == manager)
        self.assertIn("Aprobar", task.summary)
        self.assertIn("&lt;b&gt;Mala línea", task.note)

    def test_how_a_task_was_made_is_typed_in_by_nobody(self):
        """It is read by all of finance, and would be taken for what the addon has kept."""
        values = {
            "res_model_id": self.env["ir.model"]._get_id("call.wallet"),
            "res_id": self.wallet.id,
            "activity_type_id": self.env.ref("mail.mail_activity_data_todo").id,
            "summary": "x",
        }
        tasks = self.env["mail.activity"].with_user(self.clerk)
        kept = {"summary": {"text": "x", "source": "%3000000d", "values": [1]}}
        with self.assertRaisesRegex(AccessError, "call_wallet_words"):
            tasks.create({**values, "call_wallet_words": kept})
        task = tasks.create(values)
        for name, value in (("call_wallet_words", kept), ("call_wallet_about_model", "res.users")):
            with self.subTest(name), self.assertRaisesRegex(AccessError, name):
                task.write({name: value})
        task.summary = "Ask Ana"
        # Kept by an earlier version, or by a script, in another form: the list of all is read nevertheless.
        task.sudo().call_wallet_words = "s"
        self.env.invalidate_all()
        waiting = self.env["call.wallet.waiting"].with_user(self.clerk).search([("kind", "=", "task")])
        self.assertIn("Ask Ana", waiting.mapped("reason"))
        self.assertTrue(waiting.name_search("Ana"))
