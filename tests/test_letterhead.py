"""PDFs of wallets' documents, whichever wkhtmltopdf prints them: a letterhead on each page, text to search and copy."""

import base64
import io
import logging
from unittest.mock import patch

import pytest
from odoo.addons.base.models.ir_actions_report import _wkhtml
from odoo.addons.call_wallet.tools import letterhead
from odoo.tools.pdf import PdfFileReader
from PIL import Image

from .reconciliation_case import ReconciliationCommon

pytestmark = pytest.mark.rest

INVOICE, RECEIPT = "account.account_invoices", "account.action_report_payment_receipt"
RECONCILIATION = "call_wallet.action_report_reconciliation"


class TestLetterhead(ReconciliationCommon):
    """Reads the PDFs as a reader's program does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        cls.env["ir.module.module"]._load_module_terms(["web", "account", "call_wallet"], ["es_ES"])
        picture = io.BytesIO()
        Image.new("RGB", (120, 40), "#0b7285").save(picture, "PNG")
        cls.company.write(
            {
                "name": "Telefónica del Ñandú",
                "street": "Calle de la Señal 7",
                "zip": "28013",
                "city": "Madrid",
                "logo": base64.b64encode(picture.getvalue()),
                "company_details": "<p>Telefónica del Ñandú<br/>Calle de la Señal 7<br/>28013 Madrid</p>",
                "report_footer": "<p>info@nandu.example</p>",
            }
        )
        cls.env.ref("base.EUR").active = True
        plan = cls.plan.copy({"name": "Euro contract", "currency_id": cls.env.ref("base.EUR").id})
        cls.owner = cls.env["res.partner"].create({"name": "Peña y Cía", "is_company": True, "lang": "es_ES"})
        cls.euros = cls._make_wallet(
            partner_id=cls.owner.id, currency_id=plan.currency_id.id, rate_plan_id=plan.id, account_ref="PENA"
        )

    def _pdf(self, report, records, **data):
        reports = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        content, kind = reports._render_qweb_pdf(report, records.ids, data=data)
        self.assertEqual(kind, "pdf")
        return PdfFileReader(io.BytesIO(content))

    @staticmethod
    def _texts(pdf):
        """The text of each page, on one line: no-break blanks and ends of lines are blanks."""
        return [" ".join(page.extract_text().split()) for page in pdf.pages]

    def assertLetterhead(self, pdf, page="Page"):
        texts = self._texts(pdf)
        for number, text in enumerate(texts, 1):
            for expected in ("Telefónica del Ñandú", "Calle de la Señal 7", "28013", "Madrid"):
                self.assertIn(expected, text, f"page {number}")
            self.assertIn(f"{page} {number} / {len(texts)}", text)
            self.assertTrue(pdf.pages[number - 1].images, f"no logo on page {number}")

    def _other_invoice(self):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_date": "2026-10-05",
                "invoice_line_ids": [(0, 0, {"name": "Consulting", "price_unit": 90, "tax_ids": False})],
            }
        )
        invoice.action_post()
        return invoice

    def _unpatched(self):
        if _wkhtml().is_patched_qt:
            self.skipTest("this wkhtmltopdf has patched Qt: Odoo's way gives both")

    def test_an_invoice_in_spanish_and_euros(self):
        invoice = self._order("2026-10-05", "1234.50", self.euros).invoice_id
        pdf = self._pdf(INVOICE, invoice)
        self.assertLetterhead(pdf, "Página")
        [text] = self._texts(pdf)
        # 1,234.50 euros as Spain writes them, in the line and as the total.
        for expected in (invoice.name, "1.234,50 €", "Peña y Cía", "05/10/2026", "info@nandu.example"):
            self.assertIn(expected, text)
        self.assertNotIn("1,234.50", text)

    def test_the_font_is_the_one_that_the_company_has_chosen(self):
        self._unpatched()
        self.company.font = "Open_Sans"
        pdf = self._pdf(INVOICE, self._order("2026-10-05", "50").invoice_id)
        fonts = {str(font.get_object()["/BaseFont"]) for font in pdf.pages[0]["/Resources"]["/Font"].values()}
        self.assertTrue(any("OpenSans" in font or "Open Sans" in font for font in fonts), fonts)

    def test_several_invoices_at_once_each_with_its_own_pages(self):
        invoices = self._order("2026-10-05", "50").invoice_id | self._order("2026-10-06", "70").invoice_id
        texts = self._texts(self._pdf(INVOICE, invoices))
        self.assertEqual(len(texts), 2)
        for invoice, text in zip(invoices, texts, strict=True):
            self.assertIn(invoice.name, text)
            self.assertIn("Page 1 / 1", text)
            self.assertIn("Calle de la Señal 7", text)

    def test_a_credit_note(self):
        note = self._credit(self._top_up("2026-10-05", "100"), "2026-10-07", 40)
        pdf = self._pdf(INVOICE, note)
        self.assertLetterhead(pdf)
        self.assertIn(note.name, self._texts(pdf)[0])
        self.assertIn("40.00", self._texts(pdf)[0])

    def test_a_receipt(self):
        topup = self._top_up("2026-10-05", "1234.50", wallet=self.euros)
        pdf = self._pdf(RECEIPT, topup._receipt_payments())
        self.assertLetterhead(pdf, "Página")
        self.assertIn("1.234,50 €", self._texts(pdf)[0])
        self.assertIn(topup.invoice_id.name, self._texts(pdf)[0])

    def test_a_reconciliation_of_several_pages_keeps_its_heads_and_cuts_no_row(self):
        names = [
            f"Sociedad {number:03} de Señalización, Telefonía y Larga Distancia del Ñandú, en Liquidación"
            for number in range(45)
        ]
        partners = self.env["res.partner"].create([{"name": name, "is_company": True} for name in names])
        wallets = [
            self._make_wallet(partner_id=partner.id, account_ref=f"LONG{number:03}")
            for number, partner in enumerate(partners)
        ]
        for wallet in wallets:
            self._top_up("2026-10-05", "100", wallet=wallet)
        pdf = self._pdf(RECONCILIATION, self.company, date="2026-10-31")
        texts = self._texts(pdf)
        self.assertGreater(len(texts), 2)
        self.assertLetterhead(pdf)
        for wallet in wallets:
            [text] = [text for text in texts if wallet.account_ref in text]
            # The row is whole on that page, and the page says what its columns are.
            rest = text.partition(wallet.account_ref)[2]
            row = rest.partition("LONG")[0]
            for word in (wallet.partner_id.name.split()[1], "Liquidación", "100.00"):
                self.assertIn(word, row)
            for head in ("Wallet", "Customer", "Opening", "Closing", "General ledger"):
                self.assertIn(head, text.partition("LONG")[0])

    def test_the_reconciliation_in_spanish(self):
        self._top_up("2026-10-05", "1234.50", wallet=self.euros)
        self.env = self.env(context=dict(self.env.context, lang="es_ES"))
        pdf = self._pdf(RECONCILIATION, self.company, date="2026-10-31")
        self.assertLetterhead(pdf, "Página")
        text = " ".join(self._texts(pdf))
        for expected in ("31/10/2026", "Peña y Cía", "1.234,50"):
            self.assertIn(expected, text)

    def test_what_is_not_about_wallets_is_printed_as_odoo_does_unless_the_company_says_otherwise(self):
        self._unpatched()
        invoice = self._other_invoice()
        self.assertNotIn("Calle de la Señal 7", self._texts(self._pdf(INVOICE, invoice))[0])
        self.company.call_wallet_all_letterheads = True
        pdf = self._pdf(INVOICE, invoice)
        self.assertLetterhead(pdf)
        self.assertIn("Consulting", self._texts(pdf)[0])

    def test_others_invoices_among_those_of_wallets_are_printed_with_them(self):
        self._unpatched()
        invoice = self._order("2026-10-05", "50").invoice_id
        first, second = self._texts(self._pdf(INVOICE, invoice | self._other_invoice()))
        self.assertIn("Calle de la Señal 7", first)
        self.assertIn("Consulting", second)
        self.assertNotIn("Calle de la Señal 7", second)

    def test_where_it_fails_odoo_prints_and_the_log_says_so_once(self):
        self._unpatched()
        invoice = self._order("2026-10-05", "50").invoice_id
        # No program is done in no time.
        with (
            patch.object(letterhead, "LONGEST", 0),
            self.assertLogs("odoo.addons.call_wallet.models.paper", logging.WARNING) as log,
        ):
            pdf = self._pdf(INVOICE, invoice)
        self.assertEqual(len(log.output), 1, log.output)
        self.assertIn("as Odoo does", log.output[0])
        self.assertEqual(len(pdf.pages), 1)
        self.assertNotIn("Page 1 / 1", self._texts(pdf)[0])

    def test_finance_reads_why_other_documents_have_no_letterhead(self):
        self._unpatched()
        manager = self._make_user("letterhead.manager", "finance_manager")
        settings = self.env["call.wallet.settings"].with_user(manager).create({})
        self.assertIn("patched Qt", settings.call_wallet_paper_warning)
        settings.call_wallet_all_letterheads = True
        self.assertTrue(self.company.call_wallet_all_letterheads)
