import base64
import csv
import io
import re
from contextlib import contextmanager
from decimal import Decimal
from zoneinfo import ZoneInfo

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.misc import get_lang

from ...tools.fields import notation
from ...tools.rate_deck import Chosen, UnreadableDeck, read_deck, shown
from ...tools.rate_deck_columns import REQUIRED, find_header, guess_columns, normal_heading
from ...tools.rate_deck_currency import PlanCurrency
from ...tools.rate_deck_files import read_lines
from ...tools.sentence import translated
from ...tools.spreadsheet import write_text
from ...tools.sql import array
from .call_rate_import import MAX_ERRORS
from .call_rate_import_sql import FILE, STAGE

BATCH = 5_000
# A price that becomes so many times what it was is asked about.
UNUSUAL = 10
# What a spreadsheet takes for a formula; a number with its sign is none.
_is_formula = re.compile(r"[=@\t\r]|[+-](?![0-9., ]*$)").match
EXAMPLES = (("44", "United Kingdom", "0.0391"), ("4477", "United Kingdom, mobile", "0.0807"))


class CallRateImport(models.Model):
    """What a file of prices says: its columns, its lines, those to correct, and a template to fill in."""

    _inherit = "call.rate.import"

    # === COLUMNS === #

    def _header(self, remembered):
        """Return the number of the file's line of headings, its cells, and the first lines below it.

        :raise UserError: the file is empty
        """
        found = find_header(read_lines(self._decoded_file()), remembered)
        if found is None:
            raise UserError(self.env._("File: it is empty; begin with a line of column names."))
        return found

    def _guess_columns(self):
        """Note what each column of the file seems to be; return whether all of it is sure."""
        remembered = self.plan_id.import_columns or {}
        with self._told_if_unreadable():
            line, cells, rows = self._header(remembered)
        guesses = guess_columns(cells, remembered)
        self.column_ids.sudo().unlink()
        # As superuser: of columns people write only what they are.
        self.env["call.rate.import.column"].sudo().create(
            [
                {
                    "import_id": self.id,
                    "position": position,
                    "heading": shown(cell),
                    "samples": "  ·  ".join(shown(row[position]) for row in rows[:3] if position < len(row)),
                    "meaning": guess.column or False,
                }
                for position, (cell, guess) in enumerate(zip(cells, guesses, strict=True))
                if cell not in (None, "") and not str(cell).startswith("#")
            ]
        )
        self._note({"header_line": line})
        return all(guess.is_sure for guess in guesses) and {guess.column for guess in guesses}.issuperset(REQUIRED)

    def _chosen_columns(self):
        """Return {column: position} as chosen, and remember it for the plan's next file; None where nobody chose.

        :raise UserError: two columns are the same, or one that is needed is missing
        """
        names = dict(self.env["call.rate.import.column"]._fields["meaning"]._description_selection(self.env))
        columns = {}
        for column in self.column_ids.filtered("meaning"):
            if column.meaning in columns:
                raise UserError(self.env._("Columns: %s is there twice; leave one empty.", names[column.meaning]))
            columns[column.meaning] = column.position
        if not self.column_ids:
            return None
        for name in REQUIRED:
            if name not in columns:
                raise UserError(self.env._("Columns: say which one is %s.", names[name]))
        said = {normal_heading(column.heading): column.meaning or "" for column in self.column_ids}
        # As superuser: remembered for whoever imports next, and shown to nobody.
        self.plan_id.sudo().import_columns = said
        return columns

    # === READ === #

    def _clear(self):
        self.env.flush_all()
        for table in ("call_rate_import_line", "call_rate_import_error"):
            self.env.cr.execute(SQL("DELETE FROM %s WHERE import_id = %s", SQL.identifier(table), self.id))
        self.env.invalidate_all()

    def _decoded_file(self):
        if not self.file:
            raise UserError(self.env._("File: choose a CSV or XLSX file."))
        try:
            return base64.b64decode(self.file)
        except ValueError:
            raise UserError(self.env._("File: it did not arrive whole; choose it again.")) from None

    @contextmanager
    def _told_if_unreadable(self):
        try:
            yield
        except UnreadableDeck as unreadable:
            raise UserError(self.env._("File: %s", translated(self.env, unreadable.sentence))) from None

    def _items(self, columns):
        """Yield what the file says, rate by rate, and line by line where something is wrong."""
        currency = PlanCurrency(self.plan_id.currency_id.name, self.plan_id.currency_id.symbol)
        chosen = Chosen(columns, self.header_line if columns else 0, currency, self.valid_from)
        with self._told_if_unreadable():
            yield from read_deck(self._decoded_file(), ZoneInfo(self.tz), notation(self.env), self._day_first(), chosen)

    def _read_file(self, columns):
        """Bring the file's lines into a table of this transaction, a batch at a time; note the errors."""
        self.env.cr.execute("DROP TABLE IF EXISTS call_rate_import_file")
        self.env.cr.execute(FILE)
        rows, errors, error_count = [], [], 0
        for item in self._items(columns):
            if item.errors:
                error_count += len(item.errors)
                errors += item.errors[: MAX_ERRORS - len(errors)]
            else:
                rows.append(item.values)
                if len(rows) == BATCH:
                    self._stage(rows)
                    rows = []
        self._stage(rows)
        self._add_errors(
            (error.line, error.column, error.value, translated(self.env, error.sentence)) for error in errors
        )
        self._note({"error_count": error_count})

    def _headings(self):
        """Return {column: what the file calls it}."""
        return {column.meaning: column.heading for column in self.column_ids if column.meaning}

    def _day_first(self):
        """Return which of day and month comes first in the reader's language: ``"d"`` or ``"m"``."""
        return "d" if re.search("%[dm]", get_lang(self.env).date_format)[0] == "%d" else "m"

    def _stage(self, rows):
        if rows:
            self.env.cr.execute(STAGE, [self.valid_from, *(array(column) for column in zip(*rows, strict=True))])

    def _add_errors(self, errors):
        headings = self._headings()
        # As superuser: errors are not written by people.
        self.env["call.rate.import.error"].sudo().create(
            [
                {
                    "import_id": self.id,
                    "line": line,
                    "column": headings.get(column, column),
                    "value": value,
                    "message": message,
                }
                for line, column, value, message in errors
            ]
        )

    # === WHAT CHANGES === #

    @api.depends(
        "state", "up_count", "down_count", "up_percent", "down_percent", "up_most", "down_most", "fee_up_count",
        "fee_down_count", "terms_count",
    )  # fmt: skip
    def _compute_sums(self):
        for one in self:
            sums = [one._sum("up"), one._sum("down")]
            if not any(sums):
                sums.append(self.env._("No price a minute changes."))
            if one.fee_up_count or one.fee_down_count:
                up, down = one.fee_up_count, one.fee_down_count
                sums.append(self.env._("Connection fees: %(up)s up, %(down)s down.", up=up, down=down))
            if one.terms_count:
                sums.append(self.env._("Increments, minimums or other seconds change: %s.", one.terms_count))
            one.sums = "\n".join(filter(None, sums))

    @api.depends("state", "up_most", "down_most", "close_missing", "missing_count")
    def _compute_warnings(self):
        for one in self:
            warnings = []
            # More rates of the plan end than stay: a part of a price list was taken for all of it.
            if one.close_missing and one.missing_count > one.changed_count + one.renamed_count + one.unchanged_count:
                warnings.append(
                    self.env._(
                        "Check that the file is the whole price list: %s rates of the plan are not in it and will end.",
                        one.missing_count,
                    )
                )
            if one.state == "previewed" and one._sets_any_number():
                warnings.append(
                    self.env._("A line without a prefix sets the price of every number that no other prefix covers.")
                )
            for most in filter(None, (one.up_most, one.down_most)):
                low, high = sorted((Decimal(most[1]), Decimal(most[2])))
                # Nobody's carrier does that; a separator that was taken for another one does.
                if low * UNUSUAL <= high:
                    warnings.append(
                        self.env._(
                            "Check the decimal separator: %(prefix)s goes from %(old)s to %(new)s %(currency)s a "
                            "minute.",
                            **one._told(most),
                        )
                    )
            one.warnings = "\n".join(warnings)

    def _sets_any_number(self):
        kinds = [("prefix", "in", ("", False)), ("kind", "in", ("new", "changed"))]
        return bool(self.env["call.rate.import.line"].search_count([("import_id", "=", self.id), *kinds], limit=1))

    def _told(self, most):
        """Return the values of a sentence about one change of price, as the user's language writes them."""
        prefix, old, new = most
        numbers = notation(self.env)
        return {
            "prefix": self.env._("prefix +%s", prefix) if prefix else self.env._("any number"),
            "old": numbers.write(Decimal(old)),
            "new": numbers.write(Decimal(new)),
            "currency": self.plan_id.currency_id.name,
        }

    def _sum(self, way):
        """Return what is said of the prices that go up or down, in the user's language; empty where none does."""
        count, percent, most = self[f"{way}_count"], self[f"{way}_percent"], self[f"{way}_most"]
        if not count:
            return ""
        values = {"count": count, "percent": notation(self.env).write(abs(percent)), **self._told(most)}
        if way == "up":
            return self.env._(
                "Up: %(count)s, by %(percent)s%% on average; the most %(prefix)s, from %(old)s to %(new)s "
                "%(currency)s.",
                **values,
            )
        return self.env._(
            "Down: %(count)s, by %(percent)s%% on average; the most %(prefix)s, from %(old)s to %(new)s %(currency)s.",
            **values,
        )

    # === FAULTY LINES === #

    def _faulty_lines(self):
        """Return the name and the content of a CSV file of the faulty lines, to be corrected and imported by itself.

        It has the lines as they stand in the file, under its headings, with the line's number and what is wrong in
        two more columns, whose headings begin with # and which are left out when it is read.
        """
        self._check_allowed()
        columns = {column.meaning: column.position for column in self.column_ids if column.meaning} or None
        with self._told_if_unreadable():
            found = self._header(self.plan_id.import_columns or {})
        headings = [safe(cell) for cell in found[1]]
        text, first = io.StringIO(), {}
        writer = csv.writer(text, delimiter=";" if notation(self.env).point == "," else ",", lineterminator="\r\n")
        writer.writerow([*headings, self.env._("# Line"), self.env._("# What is wrong")])
        for line, cells, reasons in self._wrong_items(columns, first):
            cells = [safe(cell) for cell in cells]
            padding = [""] * (len(headings) - len(cells))
            writer.writerow([*cells[: len(headings)], *padding, line, safe(" ".join(reasons))])
        stem = (self.filename or "rates").rpartition(".")[0] or "rates"
        return f"{stem}-faulty.csv", text.getvalue().encode("utf-8-sig")

    def _wrong_items(self, columns, first):
        """Yield (line, cells, sentences) of lines with errors, those whose prefix is there already among them."""
        headings = self._headings()
        for item in self._items(columns):
            if item.errors:
                yield (
                    item.errors[0].line,
                    item.cells,
                    [
                        f"{headings.get(error.column, error.column)}: {translated(self.env, error.sentence)}".lstrip(
                            ": "
                        )
                        for error in item.errors
                    ],
                )
                continue
            line, prefix = item.values[:2]
            if first.setdefault(prefix, line) != line:
                sentence = self.env._("The same prefix is on line %s; keep one of them.", first[prefix])
                yield line, item.cells, [f"{headings.get('prefix', 'prefix')}: {sentence}"]

    # === TEMPLATE === #

    @api.model
    def _template(self, plan, kind):
        """Return the name and the content of a price list with two example lines.

        :param plan: the rate plan whose currency the heading of the prices names, or none
        :param str kind: ``csv`` or ``xlsx``
        """
        numbers = notation(self.env)
        price = self.env._("Price per minute") + (f" ({plan.currency_id.name})" if plan else "")
        headings = [self.env._("Prefix"), self.env._("Destination"), price, self.env._("Increment")]
        rows = [(prefix, name, amount.replace(".", numbers.point), "60") for prefix, name, amount in EXAMPLES]
        if kind == "xlsx":
            return "rates-template.xlsx", self._workbook(headings, rows)
        text = io.StringIO()
        delimiter = ";" if numbers.point == "," else ","
        csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows([headings, *rows])
        return "rates-template.csv", text.getvalue().encode("utf-8-sig")

    def _workbook(self, headings, rows):
        from xlsxwriter import Workbook

        file = io.BytesIO()
        book = Workbook(file, {"in_memory": True})
        sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
        # As text, a prefix keeps all of its digits, and "1/1" is no day.
        as_text = book.add_format({"num_format": "@"})
        sheet.set_column(0, 3, 24, as_text)
        for column, heading in enumerate(headings):
            write_text(sheet, 0, column, heading, bold)
        for line, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                write_text(sheet, line, column, cell, as_text)
        book.close()
        return file.getvalue()


def safe(cell):
    """Return a cell as it is written again: no spreadsheet takes it for a formula."""
    if isinstance(cell, str) and _is_formula(cell):
        return f"'{cell}"
    return "" if cell is None else cell
