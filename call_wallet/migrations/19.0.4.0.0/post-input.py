"""Mails of this addon show amounts by the wallet's own way of writing them: no zero below zero, and sums that add up.

The templates are the company's since they were installed, so only these expressions are replaced in them.
"""

import re

from psycopg2.extras import Json

STATEMENT = re.compile(r"format_amount\(float\((ctx\['statement'\]\['\w+'\])\), object\.currency_id\)")
OTHERS = re.compile(r"format_amount\(float\(((?:[^()]|\([^()]*\))*)\), object\.currency_id\)")
OF_WALLET = re.compile(r"object\.(balance|low_balance_threshold|daily_spend)")


def migrate(cr, version):
    cr.execute(
        "SELECT t.id, t.subject, t.body_html FROM mail_template t JOIN ir_model_data d ON d.res_id = t.id"
        " WHERE d.model = 'mail.template' AND d.module = 'call_wallet'"
    )
    for template_id, *texts in cr.fetchall():
        changed = [{lang: written_anew(text) for lang, text in (text or {}).items()} for text in texts]
        if changed != [text or {} for text in texts]:
            cr.execute(
                "UPDATE mail_template SET subject = %s, body_html = %s WHERE id = %s",
                [*map(Json, changed), template_id],
            )


def written_anew(text):
    """Return a template's text with the amounts as they are written now."""
    if not text:
        return text
    text = STATEMENT.sub(r"object._format_amount(\1, ctx['statement']['places'])", text)
    return OTHERS.sub(by_wallet, text)


def by_wallet(found):
    amount = found[1]
    wallet = "object" if OF_WALLET.fullmatch(amount) else "object.wallet_id"
    return f"{wallet}._format_amount({amount})"
