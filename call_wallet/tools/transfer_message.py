"""The message that Odoo shows with a bank transfer: its list of accounts, and what people have written around it."""

from lxml import html
from markupsafe import Markup


def own_words(message):
    """Return what people have written into the message of a transfer's provider, without Odoo's list of accounts.

    Odoo writes all accounts of the company's bank journals into it, as preformatted text in a list under headings. Of a
    top-up, the one account to use is shown in full, and a second one would be a riddle.

    :param message: HTML, or nothing
    :return: ``Markup``, empty where nothing is left
    """
    if not message:
        return Markup()
    root = html.fragment_fromstring(str(message), create_parent="div")
    lists = root.xpath(".//ul[.//pre]")
    for part in [*lists, *(root.xpath(".//h5 | .//h6") if lists else ())]:
        part.drop_tree()
    return Markup(html.tostring(root, encoding="unicode")) if root.text_content().strip() else Markup()
