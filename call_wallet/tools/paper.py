"""What papers say of themselves: by whom they were made and when. They are filed, and read by auditors."""

from odoo.tools import format_datetime
from odoo.tools.misc import get_lang

from .clock import utcnow


def made(env, person, tz):
    """Return by whom and when a paper is made, in the language of ``env``.

    :param str person: a name
    :param str tz: name of the time zone to say it in
    """
    moment = format_datetime(env, utcnow(), tz=tz)
    return env._("Made by %(person)s, %(moment)s (%(zone)s)", person=person, moment=moment, zone=tz)


def isolated(env, text):
    """Return an amount or a telephone number such that its signs keep their order among words of Arabic or Hebrew.

    The marks are Unicode's own (UAX 9, LRI and PDI), so pages, mails and plain text need nothing else.
    """
    return f"\u2066{text}\u2069" if get_lang(env).direction == "rtl" else text


def printed(text):
    """Return ``text`` as a spreadsheet's header or footer takes it: no codes in it, and not too long for one."""
    return text[:200].replace("&", "&&")[:240]
