"""Tasks of people (Odoo's activities), written in the language of who gets them; others read them in theirs."""

import re

from markupsafe import Markup
from odoo.tools import html2plaintext, plaintext2html

from ..const import TO_DO
from .sentence import Told, told_again

# The link to what a task is about stands in a paragraph of its own below the note.
LINK = re.compile(r"<p>\s*<a [^>]*data-oe-model=[^>]*>.*?</a>\s*</p>\s*$", re.DOTALL)


def in_language_of(records, user, company):
    """Return ``records`` in the language in which a task about them is written: its user's, else the company's.

    Never that of whoever, or whatever, causes the task: a customer's card that was declined writes no task in the
    customer's language.
    """
    reader = (user or company).partner_id
    return records.with_context(lang=reader._call_wallet_lang(company))


def in_company_language(record):
    """Return ``record`` in the language of its company, in which texts are kept with it: notes, labels, references.

    Never that of whoever, or whatever, causes them. What the customer reads is in the customer's instead.
    """
    return in_language_of(record, None, record.company_id)


def give_task(record, user, summary, note, company, is_mailed=False, about=None):
    """Give ``user`` a task about ``record``, due on the company's day.

    :param str summary: what happened, in a line; in the language of ``in_language_of``
    :param str note: why, and what to do next; plain text. Both are told in other languages, too, where they were made
        with ``telling``
    :param user: empty: whoever runs this
    :param about: the record that the task is about, where that is another than ``record``; the note leads there
    :param is_mailed: whether Odoo mails the user about it; their list shows it in any case
    :return: the ``mail.activity``
    """
    record = in_language_of(record, user, company).with_context(mail_activity_quick_update=not is_mailed)
    text, values = plaintext2html(note), {"call_wallet_words": {"summary": _keep(summary), "note": _keep(note)}}
    if about:
        about = in_language_of(about, user, company)
        text += Markup("<p>%s</p>") % about.sudo()._get_html_link()
        values |= {"call_wallet_about_model": about._name, "call_wallet_about_id": about.id}
    task = record.activity_schedule(
        TO_DO,
        summary=str(summary),
        note=text,
        user_id=user.id or record.env.uid,
        date_deadline=company._call_wallet_today(),
    )
    # As superuser: what is kept of a task is typed in by nobody. The list of what waits reads it from the database.
    task.sudo().write(values)
    task.flush_recordset(list(values))
    return task


def _keep(sentence):
    """Return what ``read_task`` needs of a sentence: what was written, and how it was made; None of any other text."""
    return {"text": " ".join(sentence.split()), **sentence.words} if isinstance(sentence, Told) else None


def read_task(env, kept, text):
    """Return a task's summary or note in the language of whoever reads it; as it stands where a person has changed it.

    :param dict kept: what ``give_task`` has kept of it, or None
    :param str text: as it stands, in one line
    """
    is_ours = isinstance(kept, dict) and kept.get("text") == " ".join((text or "").split())
    return told_again(env, kept) if is_ours else text


def text_of(task_note):
    """Return a task's note as plain text in one line, without the link to what it is about."""
    return " ".join(html2plaintext(LINK.sub("", task_note or "")).split())
