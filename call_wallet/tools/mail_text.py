"""The plain text of a mail, for those who read no HTML."""

import re

from lxml import etree
from odoo.tools import html2plaintext

_blanks = re.compile(r"[ \t]+").sub
_gaps = re.compile(r"\n{3,}").sub


def plain_text(page):
    """Return the text of a mail: a picture is its description, and an address stands where its link is.

    Odoo numbers both and lists the addresses at the end, the logo first, under the name of its file.

    :param page: the mail's HTML
    """
    tree = etree.fromstring(str(page), parser=etree.HTMLParser())
    if tree is None:
        return ""
    for picture in tree.iter("img"):
        picture.tag, picture.text = "span", picture.get("alt") or ""
    for link in list(tree.iter("a")):
        text, href = " ".join("".join(link.itertext()).split()), link.get("href") or ""
        tail = link.tail
        link.clear()
        link.tag, link.tail, link.text = "span", tail, _said(text, href)
    text = html2plaintext(etree.tostring(tree, encoding="unicode"), include_references=False)
    return _gaps("\n\n", "\n".join(_blanks(" ", line).strip() for line in text.splitlines())).strip()


def _said(text, href):
    """Return a link as text; the address alone where nothing else is said."""
    address = href.removeprefix("mailto:").removeprefix("tel:")
    if not address or address == text or href.startswith("#"):
        return text
    return f"{text}: {address}" if text else address
