"""PDFs with a letterhead and real text from a wkhtmltopdf without patched Qt, which has neither by itself.

Debian's wkhtmltopdf ignores headers and footers, draws the fonts of web pages as outlines, and does not print the head
of a table again on the next page. So the fonts that Odoo ships are given to it as fonts of the system, whose text
stays text; head and foot are printed apart and laid over each page; tables are cut between rows, each part with its
head.
"""

import copy
import io
import os
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import lxml.html
from odoo.tools.pdf import PdfFileReader, PdfFileWriter

# The smallest factor by which its browser engine shrinks a page to paper, and what is left free for its roundings.
SHRINK, MARGIN = 1.25, 0.94
PIXELS, POINTS = 96 / 25.4, 72 / 25.4
# How long one run may take, in seconds; the time limits of Odoo's workers are for what is behind a request.
LONGEST = 300
# Switches that it refuses, and whether a value follows.
REFUSED = {"--header-spacing": True, "--header-line": False, "--disable-smart-shrinking": False}

SHEET_LINK = re.compile(r"<link\b[^>]*?href=\"[^\"]*?(/web/assets/[^\"]+\.css)\"[^>]*>")
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
SHIPPED = ("/web/static/fonts/", "fonts.odoocdn.com")
# Odoo calls two of its fonts otherwise than they call themselves.
FONT_NAME = re.compile(r"\b(Open|Fira)_(Sans|Mono)\b")
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <selectfont><rejectfont><glob>*.woff*</glob></rejectfont></selectfont>
</fontconfig>
"""


class LetterheadError(Exception):
    """Says why nothing was printed."""


class Page(NamedTuple):
    """A sheet of paper and where things stand on it, in millimetres."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    # From the paper's edge.
    head_top: float


class Printer:
    """Prints documents with one set of arguments.

    :param str binary: path of wkhtmltopdf
    :param list arguments: as Odoo makes them
    :param fonts: folder of the fonts that Odoo ships
    :param page: a `Page`
    """

    def __init__(self, binary, arguments, fonts, page):
        self.binary, self.fonts, self.page = binary, fonts, page
        self.arguments = list(_accepted(arguments))

    def print(self, bodies, heads, feet):
        """Return one PDF of the documents, each with its head and foot on each of its pages.

        :param bodies: HTML pages
        :param str heads: HTML page with the heads of all of them, as Odoo's layout holds them; may be empty
        :param str feet: likewise
        :raise LetterheadError: the program has failed
        """
        writer = PdfFileWriter()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="call_wallet.paper.")))
            (folder / "fonts.conf").write_text(FONTS.format(fonts=self.fonts))
            for index, body in enumerate(bodies):
                sheets = self._run(folder, self._in_pages(body))
                count = len(sheets)
                head = self._run_strip(folder, strip(heads, "header", index, count), self.page.head_top)
                foot = self._run_strip(folder, strip(feet, "footer", index, count), 0)
                foot = _moved_down(foot, self.page.height - self.page.bottom)
                for number, sheet in enumerate(sheets):
                    writer.add_page(sheet)
                    sheet = writer.pages[-1]
                    for over in (head, foot):
                        if over:
                            sheet.merge_page(over[min(number, len(over) - 1)])
                    sheet.compress_content_streams()
        stream = io.BytesIO()
        writer.write(stream)
        return stream.getvalue()

    def _in_pages(self, body):
        """Return the HTML with the script that cuts long tables, which does nothing to pages not made for it."""
        width = (self.page.width - self.page.left - self.page.right) * PIXELS * SHRINK
        height = (self.page.height - self.page.top - self.page.bottom) * PIXELS * SHRINK * MARGIN
        script = f"<script>{CUT}; cutTables({round(width)}, {round(height)});</script>"
        return body.replace("</body>", script + "</body>")

    def _run_strip(self, folder, html, top):
        if not html:
            return []
        return self._run(folder, html, ["--margin-top", str(top), "--margin-bottom", "0", "--javascript-delay", "0"])

    def _run(self, folder, html, more=()):
        """Return the pages that the HTML prints on."""
        source, target = folder / "page.html", folder / "page.pdf"
        source.write_text(html)
        target.unlink(missing_ok=True)
        # It wants a screen otherwise, which a server does not have.
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "FONTCONFIG_FILE": str(folder / "fonts.conf")}
        command = [self.binary, *self.arguments, *more, str(source), str(target)]
        try:
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", timeout=LONGEST, env=environment
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LetterheadError(str(error)) from error
        # 1: printed, and something that the page asks for did not come, such as a picture.
        if done.returncode not in (0, 1) or not target.exists() or not target.stat().st_size:
            raise LetterheadError(f"{done.returncode}: {done.stderr[-1000:]}")
        return list(PdfFileReader(io.BytesIO(target.read_bytes())).pages)


def _accepted(arguments):
    """Leave out what this build refuses: it would print, and say each time that it has failed."""
    arguments = iter(arguments)
    for argument in arguments:
        if argument not in REFUSED:
            yield argument
        elif REFUSED[argument]:
            next(arguments, None)


def _moved_down(pages, millimetres):
    # Only the pages of a writer can be changed.
    holder = PdfFileWriter()
    for page in pages:
        holder.add_page(page)
        holder.pages[-1].add_transformation((1, 0, 0, 1, 0, -millimetres * POINTS))
    return list(holder.pages)


def with_system_fonts(html, sheet_of):
    """Return the HTML with its style sheets inside, which name the fonts that Odoo ships and do not bring them.

    :param sheet_of: returns the CSS of a link to Odoo's assets, or nothing if it has none
    """

    def inside(match):
        css = sheet_of(match[1])
        return f"<style>{plain_fonts(css)}</style>" if css else match[0]

    return SHEET_LINK.sub(inside, html)


def plain_fonts(css):
    """Return the CSS without the web fonts of Odoo, and with the names that the fonts give themselves."""
    css = FONT_FACE.sub(lambda match: "" if any(place in match[0] for place in SHIPPED) else match[0], css)
    return FONT_NAME.sub(r"\1 \2", css)


def strip(html, kind, index, pages):
    """Return an HTML page with the head or foot of each page of a document; one for all if no page number is in it.

    :param str html: all heads, or all feet, as Odoo's layout holds them
    :param str kind: ``header`` or ``footer``
    :param int index: of the document
    :param int pages: of the document
    :return: nothing if the document has none
    """
    root = lxml.html.document_fromstring(html) if html else None
    box = root.get_element_by_id(f"minimal_layout_report_{kind}s", None) if root is not None else None
    if box is None or index >= len(box):
        return ""
    one = box[index]
    numbered = one.find_class("page") or one.find_class("topage")
    box.clear()
    box.set("id", f"minimal_layout_report_{kind}s")
    for number in range(1, (pages if numbered else 1) + 1):
        again = copy.deepcopy(one)
        for name, value in (("page", number), ("topage", pages)):
            for place in again.find_class(name):
                place.text = str(value)
        again.set("style", f"{again.get('style', '')}; {'page-break-before: always' if number > 1 else ''}")
        box.append(again)
    for script in root.xpath("//script"):
        script.drop_tree()
    root.body.attrib.pop("onload", None)
    return lxml.html.tostring(root, encoding="unicode", doctype="<!DOCTYPE html>")


CUT = (Path(__file__).parents[1] / "static/src/paper/cut_tables.js").read_text()
