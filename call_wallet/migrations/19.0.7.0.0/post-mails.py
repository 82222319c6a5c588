"""Mails have a layout of their own, with the balance and the last days: texts that nobody changed are taken anew.

The templates are the company's since they were installed, so what an administrator wrote stays: a subject or a text,
in the language in which it was changed, is kept to the letter; a changed English text keeps its translations as well.
What was not changed is known by its digest, in English and Spanish, whichever version it was installed by.
"""

import hashlib

import lxml.html
from lxml import etree
from odoo import SUPERUSER_ID, api
from odoo.tools.convert import xml_import
from odoo.tools.misc import file_path
from psycopg2.extras import Json

FILE = "call_wallet/data/mail_template_data.xml"

# What the versions before this one installed: the digests of subject and text.
INSTALLED = {
    "auto_topup_cap": (
        "1d00875f6674 42dc6a368936 497f2896e86b 5fc5c334fc62 6aa2236b0fd0 c83096f46ed0 d0a51e44bb87 effd93fd0bca"
    ),
    "auto_topup_card": "09f7d120a881 1c046bae9e83 c2081cc1172d c670e4047f02",
    "auto_topup_failed": (
        "12c3f3c23be7 3825929288f2 3cc1d618f514 4969ed0b0988 a077e9a8b7aa b9cdfd7cf963 d40a5ecdb824 d8770b323e90"
    ),
    "auto_topup_off": "2ef8fb860481 5617e65bfa22 b4881bdb9ed3 f878dd3ceee4 f91a9ff2f360 fda9b39304d0",
    "balance_empty": "4582d029566e 51dda500a281 7d053b263ca2 7e9320eb9ba7 87701747ad48 9606abb4423b",
    "balance_low": (
        "26909fe3990c 3fe5b9c295ae aac4e84e14fc c394c967cd75 dec457180bec df0b59866f8f e36e180246b3 fbd3356e9e0a"
    ),
    "funds_expire": (
        "0b1cc69d4261 20fb6dd99751 3b353f68ac4f 581560d3ba36 71a80e533389 b9178319234c de62485307c7 "
        "df3f7011a1f2 ebff3d424104"
    ),
    "limit": "1a3cd856f315 c4bb2d21ef74 f4c2cf968e9c",
    "payment_link": "3887bd013a9a 688f95309a4c e729855420f1 e7667aa81030",
    "statement": "08fcb284917e 333c9285ded0 527300969225 7dfa3490902d 804a7348a9c0 a21623fc0cd8",
    "topup_received": (
        "2b879464b9d2 2c8914485e84 9816b5ab2b7e c1e6f0b971dc c2b0e8db0acd c4c0e88eaf39 d89411d78d10 da22bbbeb0df"
    ),
}


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    records = {record.get("id"): record for record in etree.parse(file_path(FILE)).iter("record")}
    loader = xml_import(env, "call_wallet", {}, mode="init", noupdate=True, xml_filename=file_path(FILE))
    for name, digests in INSTALLED.items():
        template = env.ref(f"call_wallet.mail_template_{name}", raise_if_not_found=False)
        if template:
            take_anew(template, records[f"mail_template_{name}"], loader, set(digests.split()))
    env.flush_all()


def take_anew(template, record, loader, digests):
    """Give a template its present subject and text, but for what was changed in it."""
    changed = {field: what_was_changed(template, field, digests) for field in ("subject", "body_html")}
    languages = {code: False for code, _name in template.env["res.lang"].get_installed() if code != "en_US"}
    for field in list(record):
        if changed.get(field.get("name"), {}) is None or field.get("name") not in changed:
            record.remove(field)
    for field in record:
        template.update_field_translations(field.get("name"), languages)
    if len(record):
        loader._tag_record(record)
        template.env.flush_all()
        before = {name: stored(template, name) for name, kept in changed.items() if kept is None}
        template._override_translation_term("call_wallet", [f"call_wallet.{record.get('id')}"])
        for name, kept in changed.items():
            # The languages' file was read for subject and text together.
            put(template, name, before[name] if kept is None else {**stored(template, name), **kept})


def what_was_changed(template, field, digests):
    """Return {language: text} of the translations that somebody wrote; None: the English, and so all of it."""
    texts = stored(template, field)
    changed = {lang: text for lang, text in texts.items() if text and digest(text) not in digests}
    return None if "en_US" in changed else changed


def stored(template, field):
    template.env.flush_all()
    template.env.cr.execute(f"SELECT {field} FROM mail_template WHERE id = %s", [template.id])
    return template.env.cr.fetchone()[0] or {}


def put(template, field, texts):
    template.env.cr.execute(f"UPDATE mail_template SET {field} = %s WHERE id = %s", [Json(texts), template.id])
    template.env.invalidate_all()


def digest(text):
    """Return a text's digest; how its tags are written, and blanks, make no difference."""
    if "<" in text:
        parts = []
        for node in lxml.html.fragment_fromstring(text, create_parent="div").iter():
            parts += [str(node.tag), *sorted(f"{name}={value}" for name, value in node.attrib.items())]
            parts += [node.text or "", "/", node.tail or ""]
        text = " ".join(parts)
    return hashlib.sha256("".join(text.split()).encode()).hexdigest()[:12]
