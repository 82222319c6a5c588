"""What every mail to a customer has: logo, balance, how long it lasts, the last days, one next step."""

import base64
import io
from datetime import datetime, timedelta

from lxml import html
from odoo.addons.call_wallet.tools.clock import recorded_at
from PIL import Image

from .common import CallWalletCommon

NOON = datetime(2026, 10, 28, 12)
TEMPLATES = (
    "balance_low",
    "balance_empty",
    "funds_expire",
    "statement",
    "limit",
    "auto_topup_failed",
    "auto_topup_off",
    "auto_topup_cap",
    "auto_topup_card",
)


class TestMailsLook(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with recorded_at(NOON - timedelta(days=20)):
            cls._fund(cls, cls.wallet, 50)
        # 3.00 on Monday, 1.50 on Wednesday, by 0.02 a minute: 4.50 in 7 days; 45.50 last 70 days.
        for days, minutes in ((2, 150), (0, 75)):
            moment = NOON - timedelta(days=days)
            with recorded_at(moment):
                call = cls._call(
                    cls,
                    call_type="whatsapp",
                    duration_seconds=minutes * 60,
                    started_at=(moment - timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                )
                cls.usage.record_calls([call])

    def _render(self, template, lang="en_US", wallet=None, **context):
        wallet = wallet or self.wallet
        template = self.env.ref(f"call_wallet.mail_template_{template}")
        record = wallet
        if template.model == "call.wallet.alert":
            record = self.env["call.wallet.alert"].create(
                {"wallet_id": wallet.id, "kind": "limit_near", "limit_name": "day", "balance": 1, "threshold": 2}
            )
        if "statement" in template.name.lower():
            context["statement"] = wallet._statement(wallet._last_month())
        with recorded_at(NOON):
            self.env.invalidate_all()
            mail = template.with_context(alert_lang=lang, tz=wallet.tz, **context).send_mail(
                record.id,
                email_values={"email_to": "ana@initrode.example", "recipient_ids": []},
                email_layout_xmlid="call_wallet.mail_layout",
            )
        [sent] = self.env["mail.mail"].browse(mail)._prepare_outgoing_list()
        return sent

    @staticmethod
    def _plain(text):
        return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())

    def test_each_mail_tells_balance_runway_and_last_days_and_has_one_button(self):
        for template in TEMPLATES:
            with self.subTest(template=template):
                sent = self._render(template)
                page = html.fromstring(sent["body"])
                self.assertEqual((page.get("lang"), page.get("dir")), ("en-US", "ltr"))
                said = self._plain(page.find("body").text_content())
                self.assertIn("Balance now $ 45.50", said)
                self.assertIn("01/06/2027 (in 70 days)", said)
                self.assertIn("Spent in the last 7 days $ 4.50", said)
                self.assertIn("Days are those of the time zone UTC.", said)
                buttons = page.xpath("//a[contains(@class, 'cw_button')]")
                self.assertEqual(len(buttons), 1)
                self.assertTrue(buttons[0].get("href").startswith(f"{self.wallet.get_base_url()}/my/"))
                self.assertTrue(buttons[0].text_content().strip())

    def test_the_last_seven_days_are_bars_and_text(self):
        sent = self._render("balance_low")
        rows = html.fromstring(sent["body"]).xpath("//tr[th[@scope='row']]")
        told = [self._plain(row.text_content()) for row in rows]
        self.assertEqual(len(told), 7)
        self.assertEqual(
            (told[0], told[4], told[6]), ("Thu, Oct 22 $ 0.00", "Mon, Oct 26 $ 3.00", "Wed, Oct 28 $ 1.50")
        )
        widths = [row.xpath("string(.//td[@bgcolor]/@width)") for row in rows]
        self.assertEqual(widths, ["", "", "", "", "100%", "", "50%"])
        # Those who read text read the same, a line a day.
        lines = [self._plain(line) for line in sent["body_alternative"].splitlines()]
        self.assertIn("Mon, Oct 26 $ 3.00", lines)
        self.assertIn("Balance now $ 45.50", lines)
        self.assertIn("**Your call balance is low**", lines)

    def test_who_reads_text_sees_the_seller_the_words_and_where_links_lead(self):
        picture = io.BytesIO()
        Image.new("RGB", (120, 40), "#0b7285").save(picture, "PNG")
        self.company.write({"logo": base64.b64encode(picture.getvalue()), "email": "billing@seller.example"})
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"]._load_module_terms(["call_wallet"], ["es_ES"])
        for template in TEMPLATES:
            for lang in ("en_US", "es_ES"):
                with self.subTest(template=template, lang=lang):
                    sent = self._render(template, lang)
                    lines = [self._plain(line) for line in sent["body_alternative"].splitlines()]
                    self.assertEqual(lines[0], self.company.name)
                    self.assertNotIn("logo", sent["body_alternative"])
                    self.assertNotRegex(sent["body_alternative"], r"\[\d+\]|mailto:|None")
                    [button] = html.fromstring(sent["body"]).xpath("//a[contains(@class, 'cw_button')]")
                    self.assertIn(f"{self._plain(button.text_content())}: {button.get('href')}", lines)
                    self.assertIn("billing@seller.example", lines[-1])

    def test_beyond_three_months_mails_say_roughly_how_long_it_lasts(self):
        # 50 dollars more: 95.50 last 148 days by 4.50 in 7.
        with recorded_at(NOON - timedelta(days=20)):
            self._fund(self.wallet, 50)
        said = self._plain(html.fromstring(self._render("balance_low")["body"]).text_content())
        self.assertIn("At this rate it lasts more than three months", said)
        self.assertNotIn("lasts until", said)

    def test_the_logo_is_the_sellers_or_else_its_name(self):
        self.company.logo = False
        page = html.fromstring(self._render("balance_low")["body"])
        self.assertFalse(page.xpath("//img"))
        self.assertEqual(page.xpath("string(//div[@class='cw_header'])").strip(), self.company.name)
        picture = io.BytesIO()
        Image.new("RGB", (120, 40), "#0b7285").save(picture, "PNG")
        self.company.logo = base64.b64encode(picture.getvalue())
        [logo] = html.fromstring(self._render("balance_low")["body"]).xpath("//img")
        self.assertEqual(logo.get("alt"), self.company.name)
        self.assertEqual(logo.get("src"), f"{self.wallet.get_base_url()}/logo.png?company={self.company.id}")

    def test_a_wallet_of_another_company_has_that_companys_logo_and_name(self):
        other = self.env["res.company"].create({"name": "Other Telecom"})
        partner = self.env["res.partner"].create({"name": "Umbrella", "is_company": True})
        wallet = self.env["call.wallet"].create({"partner_id": partner.id, "company_id": other.id, "tz": "UTC"})
        page = html.fromstring(self._render("balance_low", wallet=wallet)["body"])
        self.assertEqual(page.xpath("string(//div[@class='cw_header'])").strip(), "Other Telecom")
        self.assertIn("No call was charged in the last 7 days.", page.text_content())

    def test_in_spanish_and_from_right_to_left(self):
        for lang in ("es_ES", "ar_001"):
            self.env["res.lang"]._activate_lang(lang)
        self.env["ir.module.module"]._load_module_terms(["call_wallet"], ["es_ES"])
        page = html.fromstring(self._render("balance_low", "es_ES")["body"])
        said = self._plain(page.find("body").text_content())
        for expected in ("Saldo actual $ 45,50", "Gastado en los últimos 7 días $ 4,50", "lun, 26 oct", "Añadir saldo"):
            self.assertIn(expected, said)
        page = html.fromstring(self._render("balance_low", "ar_001")["body"])
        self.assertEqual((page.get("lang"), page.get("dir")), ("ar-001", "rtl"))

    def test_amounts_have_the_decimals_of_the_wallets_currency(self):
        yen = self._set_rate("JPY", 150)
        plan = self.plan.copy({"name": "Yen", "currency_id": yen.id})
        wallet = self._make_wallet(currency_id=yen.id, rate_plan_id=plan.id)
        self._fund(wallet, 1234)
        said = self._plain(html.fromstring(self._render("balance_low", wallet=wallet)["body"]).text_content())
        self.assertIn("Balance now ¥ 1,234", said)
        self.assertNotIn("1,234.0", said)
