"""The reconciliation as a workbook. No database here."""

from typing import NamedTuple

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from .spreadsheet import write_text

HEAD_ROWS = 3


class Labels(NamedTuple):
    """Every text of the workbook, in the reader's language; ``figures`` are the columns', by name."""

    title: str
    verdict: str
    made: str
    accounts: str
    wallet: str
    customer: str
    currency: str
    figures: dict
    total: str
    unassigned: str
    explained: str
    unexplained: str
    explanation: str
    document: str
    date: str
    amount: str
    expected: str
    found: str
    expected_value: str
    found_value: str
    trial_balance: str
    value: str
    difference: str


class Workbook:
    """A sheet per currency, one of the trial balance, one of the explained differences, and one of the unexplained.

    Figures are numbers. Closing, Unexplained and the totals are formulas, with their values for
    programs that do not reckon, so that a reader can follow the arithmetic.
    """

    def __init__(self, file, labels):
        self._labels = labels
        self._book = book = xlsxwriter.Workbook(file, {"in_memory": True})
        book.set_properties({"title": labels.title})
        # A question mark is a digit or a space: the points of a column stand below each other.
        money = r"#,##0.00????;[Red]\-#,##0.00????"
        total = {"bold": True, "top": 1}
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E9ECEF", "text_wrap": True})
        self._right = book.add_format(
            {"bold": True, "bottom": 1, "bg_color": "#E9ECEF", "text_wrap": True, "align": "right"}
        )
        self._money = book.add_format({"num_format": money})
        self._wrong = book.add_format({"num_format": money, "bg_color": "#F8D7DA", "bold": True})
        self._total_text, self._total = book.add_format(total), book.add_format({**total, "num_format": money})
        self._date = book.add_format({"num_format": "yyyy-mm-dd"})
        self._first = {}

    def close(self):
        self._book.close()

    # === A CURRENCY === #

    def add_section(self, currency, columns, rows, unassigned, parts=()):
        """Add the sheet of one currency.

        :param columns: the figures to show, in order
        :param rows: [(account, customer, {figure: Decimal})]
        :param unassigned: what belongs to no wallet, with ``amount`` and ``value``; zero leaves its line out
        :param parts: [(figure, label, Decimal)]: what the total of a figure is made up of; written below it
        """
        self._first = {name: 3 + index for index, name in enumerate(columns)}
        sheet, line = self._sheet(currency, self._heads()), HEAD_ROWS
        for account, customer, figures in rows:
            line += 1
            write_text(sheet, line, 0, account)
            write_text(sheet, line, 1, customer)
            write_text(sheet, line, 2, currency)
            for name in columns:
                self._write_figure(sheet, line, name, figures)
        if rows:
            sheet.autofilter(HEAD_ROWS, 0, line, 2 + len(columns))
            self._write_total(sheet, line + 1, currency, rows)
        if unassigned.amount or unassigned.value:
            write_text(sheet, line + 2, 0, self._labels.unassigned)
            write_text(sheet, line + 2, 2, currency)
            sheet.write_number(line + 2, self._first["general_ledger"], float(unassigned.amount), self._wrong)
            if "ledger_value" in columns:
                sheet.write_number(line + 2, self._first["ledger_value"], float(unassigned.value), self._wrong)
        for number, (figure, label, amount) in enumerate(parts, line + 3):
            write_text(sheet, number, 0, label)
            write_text(sheet, number, 2, currency)
            sheet.write_number(number, self._first[figure], float(amount), self._money)

    def _heads(self):
        labels = self._labels
        return self._names() + [(labels.figures[name], 15, self._right) for name in self._first]

    def _names(self):
        labels, head = self._labels, self._head
        return [(labels.wallet, 18, head), (labels.customer, 30, head), (labels.currency, 10, head)]

    def _write_figure(self, sheet, line, name, figures):
        column, value = self._first[name], float(figures[name])
        is_wrong = name in ("unexplained", "unexplained_value", "settled_without_funds")
        style = self._wrong if is_wrong and value else self._money
        formula = self._formula(name, line)
        if formula:
            sheet.write_formula(line, column, formula, style, value)
        else:
            sheet.write_number(line, column, value, style)

    def _formula(self, name, line):
        def cell(figure):
            return xl_rowcol_to_cell(line, self._first[figure])

        if name == "closing":
            plus = "+".join(map(cell, ("opening", "added", "refunded")))
            return f"=ROUND({plus}-{cell('used')}-{cell('reversed')},6)"
        if name == "unexplained":
            minus = "-".join(
                map(cell, ("closing", "awaiting_payment", "settled_without_funds", "not_posted", "remainder"))
            )
            return f"=ROUND({cell('general_ledger')}-{minus},6)"
        if name == "unexplained_value":
            return f"=ROUND({cell('ledger_value')}-{cell('expected_value')},6)"
        return None

    def _write_total(self, sheet, line, currency, rows):
        for column, text in enumerate((self._labels.total, "", currency)):
            write_text(sheet, line, column, text, self._total_text)
        for name in self._first:
            column = xl_col_to_name(self._first[name])
            formula = f"=ROUND(SUM({column}{HEAD_ROWS + 2}:{column}{line}),6)"
            total = sum(figures[name] for _account, _customer, figures in rows)
            sheet.write_formula(line, self._first[name], formula, self._total, float(total))

    # === THE TRIAL BALANCE === #

    def add_trial_balance(self, lines, accounts):
        """Add the sheet that leads from the wallets to Odoo's trial balance, in the company's currency.

        :param lines: [(what, value, expected, difference)]; the latter two None where nothing is expected
        :param accounts: [(account, credit balance)]
        """
        labels = self._labels
        heads = [(labels.explanation, 60, self._head), (labels.value, 20, self._right)]
        heads += [(labels.expected_value, 20, self._right), (labels.difference, 20, self._right)]
        sheet, line = self._sheet(labels.trial_balance, heads), HEAD_ROWS
        for name, value, expected, difference in lines:
            line += 1
            write_text(sheet, line, 0, name)
            sheet.write_number(line, 1, float(value), self._money)
            if expected is not None:
                sheet.write_number(line, 2, float(expected), self._money)
                style = self._wrong if difference else self._money
                sheet.write_formula(line, 3, f"=ROUND(B{line + 1}-C{line + 1},6)", style, float(difference))
        total = sum(value for _name, value, *_rest in lines)
        write_text(sheet, line + 1, 0, labels.total, self._total_text)
        formula = f"=ROUND(SUM(B{HEAD_ROWS + 2}:B{line + 1}),6)" if lines else "=0"
        sheet.write_formula(line + 1, 1, formula, self._total, float(total))
        for number, (name, balance) in enumerate(accounts, line + 3):
            write_text(sheet, number, 0, name)
            sheet.write_number(number, 1, float(balance), self._money)

    # === DIFFERENCES, LINE BY LINE === #

    def add_explained(self, lines):
        """Add the sheet of explained differences: [(account, customer, currency, why, document, day, amount)]."""
        labels = self._labels
        heads = self._names() + [(labels.explanation, 30, self._head), (labels.document, 24, self._head)]
        heads += [(labels.date, 12, self._head), (labels.amount, 18, self._right)]
        self._add_lines(labels.explained, heads, lines)

    def add_unexplained(self, lines):
        """Add the sheet of unexplained ones: amounts, and the same in the company's currency.

        :param lines: [(account, customer, currency, document, day, expected, found, expected value, found value)]
        """
        labels = self._labels
        heads = self._names() + [(labels.document, 24, self._head), (labels.date, 12, self._head)]
        heads += [(labels.expected, 18, self._right), (labels.found, 18, self._right)]
        heads += [(labels.expected_value, 18, self._right), (labels.found_value, 18, self._right)]
        self._add_lines(labels.unexplained, heads, lines)

    def _add_lines(self, name, heads, lines):
        sheet = self._sheet(name, heads)
        for line, values in enumerate(lines, HEAD_ROWS + 1):
            for column, value in enumerate(values):
                if hasattr(value, "isoformat"):
                    sheet.write_datetime(line, column, value, self._date)
                elif isinstance(value, str):
                    write_text(sheet, line, column, value)
                elif value is not None and value is not False:
                    sheet.write_number(line, column, float(value), self._money)
        if lines:
            sheet.autofilter(HEAD_ROWS, 0, HEAD_ROWS + len(lines), len(heads) - 1)

    def _sheet(self, name, heads):
        sheet = self._book.add_worksheet(name[:31])
        write_text(sheet, 0, 0, self._labels.title, self._title)
        write_text(sheet, 1, 0, self._labels.verdict)
        write_text(sheet, 2, 0, f"{self._labels.accounts}. {self._labels.made}")
        sheet.freeze_panes(HEAD_ROWS + 1, 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(HEAD_ROWS)
        for column, (text, width, style) in enumerate(heads):
            sheet.set_column(column, column, width)
            write_text(sheet, HEAD_ROWS, column, text, style)
        return sheet
