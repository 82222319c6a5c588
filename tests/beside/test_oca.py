"""Beside OCA's addons: a bank's CAMT file pays top-ups, by OCA's screen of reconciliation and by itself.

Run by `make peers ARGS=oca`, on a database in which those addons are installed.
"""

import base64
from datetime import date
from decimal import Decimal

from odoo import Command
from odoo.tests import Form, tagged

from ..common import CallWalletCommon

IBAN, CUSTOMERS_IBAN = "DE89370400440532013000", "FR1420041010050500013M02606"
# A bank-to-customer statement as ISO 20022 has it (camt.053.001.02, and .08 with its coded status), of one day.
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">
  <BkToCstmrStmt>
    <GrpHdr><MsgId>CAMT053-{number}</MsgId><CreDtTm>{day}T20:15:00+00:00</CreDtTm></GrpHdr>
    <Stmt>
      <Id>STMT-{number}</Id>
      <ElctrncSeqNb>{number}</ElctrncSeqNb>
      <CreDtTm>{day}T20:15:00+00:00</CreDtTm>
      <Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>USD</Ccy></Acct>
      <Bal>
        <Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp>
        <Amt Ccy="USD">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt>
      </Bal>
      <Bal>
        <Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp>
        <Amt Ccy="USD">{closing}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt>
      </Bal>
      {entries}
    </Stmt>
  </BkToCstmrStmt>
</Document>"""
ENTRY = """
      <Ntry>
        <NtryRef>{number}</NtryRef>
        <Amt Ccy="USD">{amount}</Amt>
        <CdtDbtInd>{sign}</CdtDbtInd>
        <Sts>{status}</Sts>
        <BookgDt><Dt>{day}</Dt></BookgDt>
        <ValDt><Dt>{day}</Dt></ValDt>
        <AcctSvcrRef>BANK-{number}</AcctSvcrRef>
        <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
        <NtryDtls>
          <TxDtls>
            <Refs><AcctSvcrRef>BANK-{number}</AcctSvcrRef><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
            <AmtDtls><TxAmt><Amt Ccy="USD">{amount}</Amt></TxAmt></AmtDtls>
            <RltdPties>
              <Dbtr>{debtor}</Dbtr>
              <DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct>
            </RltdPties>
            <RmtInf><Ustrd>{text}</Ustrd></RmtInf>
          </TxDtls>
        </NtryDtls>
      </Ntry>"""


@tagged("post_install", "-at_install", "standard")
class TestCamt(CallWalletCommon):
    version = "02"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Under test, OCA's addon matches nothing by itself unless it is told to.
        cls.env = cls.env(context={**cls.env.context, "_test_account_reconcile_oca": True})
        bank = cls.env["res.partner.bank"].create({"acc_number": IBAN, "partner_id": cls.company.partner_id.id})
        cls.journal = cls.env["account.journal"].create(
            {"name": "CAMT", "code": "CAMT", "type": "bank", "bank_account_id": bank.id}
        )
        cls.wallet = cls.wallet.with_env(cls.env)

    def _import(self, *entries, number=1):
        """Import the statement of a day, of ``(amount, text)`` each; return its lines in that order."""
        day = date.today().isoformat()
        status, debtor = (
            ("BOOK", "<Nm>{}</Nm>") if self.version == "02" else ("<Cd>BOOK</Cd>", "<Pty><Nm>{}</Nm></Pty>")
        )
        told = "".join(
            ENTRY.format(
                number=f"{number}{place}",
                amount=abs(Decimal(amount)),
                sign="CRDT" if Decimal(amount) > 0 else "DBIT",
                status=status,
                day=day,
                debtor=debtor.format(self.partner.name),
                iban=CUSTOMERS_IBAN,
                text=text,
            )
            for place, (amount, text) in enumerate(entries)
        )
        closing = sum(Decimal(amount) for amount, _text in entries)
        text = CAMT.format(version=self.version, number=number, day=day, iban=IBAN, closing=closing, entries=told)
        wizard = self.env["account.statement.import"].create(
            {"statement_file": base64.b64encode(text.encode()), "statement_filename": f"{number}.xml"}
        )
        statement = self.env["account.bank.statement"].browse(wizard._import_file()["statement_ids"])
        self.assertEqual(statement.journal_id, self.journal)
        return statement.line_ids.sorted("id")

    def _reconcile(self, line, *invoices):
        """What a person does on OCA's screen: choose the invoices' items, then Validate."""
        form = Form(line, view="account_reconcile_oca.bank_statement_line_form_reconcile_view")
        for invoice in invoices:
            form.add_account_move_line_id = invoice.line_ids.filtered(
                lambda item: item.account_id.account_type == "asset_receivable"
            )
        form.save()
        line.reconcile_bank_line()

    def assertWallet(self, balance, *states):
        self.env.invalidate_all()
        self.assertEqual(self.wallet.balance, Decimal(balance))
        self.assertEqual(tuple(self.wallet.topup_ids.sorted("id").mapped("state")), states)
        self.assertEqual(self.env["call.wallet"].check_invariants(self.wallet), [])

    def test_a_line_is_reconciled_by_hand_and_opened_again(self):
        topup = self.wallet.create_topup("100")
        [line] = self._import(("100.00", "Our payment, thank you"))
        self.assertFalse(line.is_reconciled)
        self.assertWallet("0", "pending")
        self._reconcile(line, topup.invoice_id)
        self.assertTrue(line.is_reconciled)
        self.assertEqual(topup.invoice_id.payment_state, "paid")
        self.assertWallet("100", "paid")
        line.unreconcile_bank_line()
        self.assertWallet("0", "pending")
        self.assertEqual(self.wallet.transaction_ids.sorted("sequence").mapped("amount"), [100, -100])

    def test_a_part_is_credited_and_the_rest_with_the_next_statement(self):
        topup = self.wallet.create_topup("100")
        [line] = self._import(("40.00", "First part"))
        self._reconcile(line, topup.invoice_id)
        self.assertWallet("40", "partial")
        [line] = self._import(("60.00", "Second part"), number=2)
        self._reconcile(line, topup.invoice_id)
        self.assertWallet("100", "paid")

    def test_one_line_pays_two_top_ups(self):
        first, second = self.wallet.create_topup("100"), self.wallet.create_topup("50")
        [line] = self._import(("150.00", "Both"))
        self._reconcile(line, first.invoice_id, second.invoice_id)
        self.assertWallet("150", "paid", "paid")

    def test_a_line_that_is_the_reference_is_matched_by_oca_as_it_comes(self):
        topup = self.wallet.create_topup("100")
        [line] = self._import(("100.00", topup.invoice_id.payment_reference))
        self.assertTrue(line.is_reconciled)
        self.assertWallet("100", "paid")

    def test_a_line_that_names_the_reference_among_other_words_is_matched_by_ours(self):
        topup = self.wallet.create_topup("100")
        [line] = self._import(("100.00", f"TRANSFER {topup.invoice_id.payment_reference} CALLS"))
        self.env["call.wallet.topup"].match_transfers()
        self.env.invalidate_all()
        self.assertTrue(line.is_reconciled)
        self.assertWallet("100", "paid")

    def test_the_same_file_twice_is_credited_once(self):
        topup = self.wallet.create_topup("100")
        [line] = self._import(("100.00", "Paid"))
        self._reconcile(line, topup.invoice_id)
        # OCA takes lines in again to which the bank gave no number that it knows; what is paid is not paid twice.
        [again] = self._import(("100.00", "Paid"))
        self.env["call.wallet.topup"].match_transfers()
        self.env.invalidate_all()
        self.assertFalse(again.is_reconciled)
        self.assertWallet("100", "paid")


class TestCamt08(TestCamt):
    """Banks change to this version by November 2026."""

    version = "08"
    allow_inherited_tests_method = True


@tagged("post_install", "-at_install", "standard")
class TestOtherAddons(CallWalletCommon):
    def test_what_audits_all_of_a_wallets_models_keeps_nothing_from_working(self):
        """`auditlog` wraps create, write and unlink of whatever it is told to."""
        names = ("call.wallet", "call.wallet.topup", "call.usage", "account.move", "payment.transaction")
        rules = self.env["auditlog.rule"].create(
            [
                {
                    "name": name,
                    "model_id": self.env["ir.model"]._get_id(name),
                    "log_create": True,
                    "log_write": True,
                    "log_unlink": True,
                    "log_type": "full",
                }
                for name in names
            ]
        )
        rules.set_to_confirmed()
        self.addCleanup(rules.set_to_draft)
        self._fund(self.wallet, "100", by="topup")
        self.assertEqual(self._record(self._call())["result"], "charged")
        self.env.invalidate_all()
        # 61 s to +1 415 are 2 minutes at 0.0125.
        self.assertEqual(self.wallet.balance, Decimal("99.975"))
        logged = self.env["auditlog.log"].search([("model_id.model", "=", "call.wallet.topup")])
        self.assertEqual(logged.mapped("res_id"), self.wallet.topup_ids.ids * len(logged))
        self.assertTrue(logged)

    def test_the_books_of_oca_show_what_is_owed_to_customers(self):
        """`account_financial_report`'s trial balance: the deposits, as our reconciliation has them."""
        self._fund(self.wallet, "100", by="topup")
        deposits = self.wallet.topup_ids.invoice_id.invoice_line_ids.account_id
        wizard = self.env["trial.balance.report.wizard"].create(
            {
                "date_from": date.today().replace(month=1, day=1),
                "date_to": date.today(),
                "company_id": self.company.id,
                "account_ids": [Command.set(deposits.ids)],
                "target_move": "posted",
            }
        )
        data = wizard._prepare_report_data()
        report = self.env["report.account_financial_report.trial_balance"]._get_report_values(wizard.ids, data)
        [row] = [row for row in report["trial_balance"] if row["id"] == deposits.id]
        booked = sum(
            self.env["account.move.line"]
            .search([("account_id", "=", deposits.id), ("parent_state", "=", "posted")])
            .mapped("balance")
        )
        self.assertAlmostEqual(row["ending_balance"], booked, 2)
