"""Text in workbooks, as it is: xlsxwriter's own reading of it is kept out."""

from xml.sax.saxutils import escape

RICH, RICH_END = "<r>", "</r>"


def as_text(text):
    """Return ``text`` such that ``write_string`` writes just that.

    What looks like a run of rich text is taken for one by xlsxwriter, and written unescaped: a customer or campaign
    called ``<r>A & B</r>`` would make the whole file unreadable. So it is wrapped in a real run, escaped.
    """
    if text.startswith(RICH) and text.endswith(RICH_END):
        return f'{RICH}<t xml:space="preserve">{escape(text)}</t>{RICH_END}'
    return text


def write_text(sheet, line, column, text, style=None):
    """Write a cell of text: no formula, no number, no link, no markup."""
    sheet.write_string(line, column, as_text(text), style)
