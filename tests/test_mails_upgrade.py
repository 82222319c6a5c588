"""Texts of mails at an upgrade: what somebody changed is kept to the letter, what nobody changed is taken anew."""

import importlib.util
import tarfile

import polib
import pytest
from lxml import etree
from psycopg2.extras import Json

from .common import CallWalletCommon
from .conftest import REPO

pytestmark = pytest.mark.rest

# The versions before the one whose upgrade renews the texts.
ARCHIVES = sorted(
    path for path in (REPO / "tests/upgrade").glob("*.tar.xz") if path.name < "call_wallet-19.0.7.0.0.tar.xz"
)


def installed_by(archive):
    """Return {template: {field: {language: text}}} as a version installed them."""
    found, languages = {}, {}
    with tarfile.open(archive) as files:
        for member in files:
            if member.name.endswith("i18n/es.po"):
                for entry in polib.pofile(files.extractfile(member).read().decode()):
                    for place, _line in entry.occurrences:
                        languages[place] = entry.msgstr
            elif "/data/" in member.name and member.name.endswith(".xml"):
                for record in etree.parse(files.extractfile(member)).iter("record"):
                    if record.get("model") == "mail.template":
                        found[record.get("id")] = {name: text_of(record, name) for name in ("subject", "body_html")}
    return {
        template: {
            field: {"en_US": text, "es_ES": languages[f"model:mail.template,{field}:call_wallet.{template}"]}
            for field, text in fields.items()
        }
        for template, fields in found.items()
    }


def text_of(record, name):
    field = record.find(f"field[@name='{name}']")
    return (field.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in field)


class TestMailsUpgrade(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        path = REPO / "call_wallet/migrations/19.0.7.0.0/post-mails.py"
        spec = importlib.util.spec_from_file_location("call_wallet_post_mails", path)
        cls.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(cls.script)

    def _put(self, templates):
        self.env.flush_all()
        for name, fields in templates.items():
            template = self.env.ref(f"call_wallet.{name}")
            self.env.cr.execute(
                "UPDATE mail_template SET subject = %s, body_html = %s WHERE id = %s",
                [Json(fields["subject"]), Json(fields["body_html"]), template.id],
            )
        self.env.invalidate_all()

    def _texts(self, name, field, lang="en_US"):
        return self.env.ref(f"call_wallet.{name}").with_context(lang=lang)[field]

    def _upgrade(self):
        self.script.migrate(self.env.cr, "19.0.6.0.0")
        self.env.invalidate_all()

    def test_what_nobody_changed_is_taken_anew_in_all_languages_whichever_version_installed_it(self):
        for archive in (ARCHIVES[0], ARCHIVES[3], ARCHIVES[-1]):
            templates = installed_by(archive)
            self.assertGreater(len(templates), 8)
            self._put(templates)
            self._upgrade()
            for name in templates:
                with self.subTest(archive=archive.name, template=name):
                    for lang in ("en_US", "es_ES"):
                        body = self._texts(name, "body_html", lang)
                        self.assertNotIn("max-width: 600px", body, lang)
                        self.assertIn("cw_small", body, lang)
        self.assertIn("Add Balance", self._texts("mail_template_balance_low", "body_html"))
        self.assertIn("Añadir saldo", self._texts("mail_template_balance_low", "body_html", "es_ES"))
        self.assertIn("Saldo bajo", self._texts("mail_template_balance_low", "subject", "es_ES"))

    def test_what_somebody_changed_stays_to_the_letter(self):
        templates = installed_by(ARCHIVES[-1])
        low, empty, card = (templates[f"mail_template_{name}"] for name in ("balance_low", "balance_empty", "limit"))
        low["subject"]["en_US"] = "Our own words"
        empty["body_html"]["en_US"] = "<p>Ring us.</p>"
        card["body_html"]["es_ES"] = "<p>Llámenos.</p>"
        self._put(templates)
        self._upgrade()
        self.assertEqual(self._texts("mail_template_balance_low", "subject"), "Our own words")
        # A changed English text keeps the translations that belong to it; the other field is nobody's.
        self.assertEqual(self._texts("mail_template_balance_low", "subject", "es_ES"), low["subject"]["es_ES"])
        self.assertIn("mail_wallet", self._texts("mail_template_balance_low", "body_html"))
        self.assertEqual(self._texts("mail_template_balance_empty", "body_html"), "<p>Ring us.</p>")
        spanish = self.env.ref("call_wallet.mail_template_balance_empty").with_context(lang="es_ES").body_html
        self.assertEqual(spanish, empty["body_html"]["es_ES"])
        self.assertEqual(self._texts("mail_template_limit", "body_html", "es_ES"), "<p>Llámenos.</p>")
        self.assertIn("mail_wallet", self._texts("mail_template_limit", "body_html"))

    def test_again_changes_nothing_and_it_stays_the_companys(self):
        self._put(installed_by(ARCHIVES[-1]))
        self._upgrade()
        self.env.cr.execute("SELECT id, subject, body_html FROM mail_template ORDER BY id")
        before = self.env.cr.fetchall()
        self._upgrade()
        self.env.cr.execute("SELECT id, subject, body_html FROM mail_template ORDER BY id")
        self.assertEqual(self.env.cr.fetchall(), before)
        data = self.env["ir.model.data"].search([("module", "=", "call_wallet"), ("model", "=", "mail.template")])
        self.assertTrue(all(data.mapped("noupdate")))
