"""What tests of the rate import share: price lists as files, and what calls cost by them."""

import base64
import io
from datetime import UTC, datetime
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import UserError
from openpyxl import Workbook

from .common import CallWalletCommon

NOVEMBER = datetime(2026, 11, 1)
HEADER = "prefix,destination,price_per_minute,increment_seconds,minimum_seconds,connection_fee"


class RateCase(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance = cls._make_user("rates.finance", "finance")
        cls._fund(cls, cls.wallet, "100")

    def _import(self, *lines, header=HEADER, file=None, user=None, **values):
        """Return the wizard, previewed."""
        data = file if file is not None else "\n".join([header, *lines]).encode()
        wizard = (
            self.env["call.rate.import"]
            .with_user(user or self.finance)
            .create(
                {
                    "plan_id": self.plan.id,
                    "file": base64.b64encode(data),
                    "filename": "deck.csv",
                    "valid_from": NOVEMBER,
                    **values,
                }
            )
        )
        wizard.action_preview()
        return wizard

    def _refusal(self, *lines, **values):
        """Return {(line, column): message} of a file with errors."""
        wizard = self._import(*lines, **values)
        self.assertEqual(wizard.error_count, len(wizard.error_ids))
        with self.assertRaisesRegex(UserError, "errors"):
            wizard.action_apply()
        return {(error.line, error.column or ""): error.message for error in wizard.error_ids}

    def _rates(self, prefix):
        rates = self.env["call.rate"].search([("plan_id", "=", self.plan.id)], order="id")
        return rates.filtered(lambda rate: (rate.prefix or "") == prefix)

    def _cost(self, moment, number="+14155550100"):
        """What one minute costs that starts at ``moment`` (UTC)."""
        with recorded_at(max(datetime.fromisoformat(moment), datetime.now(UTC)).replace(tzinfo=None)):
            result = self._record(self._call(started_at=moment, number=number, duration_seconds=60))
        return Decimal(result["total_cost"]) if result["result"] == "charged" else result["result"]

    def _counts(self, wizard):
        counts = {name: wizard[f"{name}_count"] for name in ("new", "changed", "unchanged", "missing")}
        return {name: count for name, count in counts.items() if count}

    def _xlsx(self, *rows):
        book = Workbook()
        for row in rows:
            book.active.append(row)
        file = io.BytesIO()
        book.save(file)
        return file.getvalue()

    def _new(self, wizard):
        return {
            line.prefix: line.price_per_minute for line in wizard._changes().filtered(lambda c: c.kind != "missing")
        }

    def _begin(self, file, **values):
        """Return the import of a file, text or bytes, of which nobody has said what its columns are."""
        data = file.encode() if isinstance(file, str) else file
        return (
            self.env["call.rate.import"]
            .with_user(self.finance)
            .create(
                {
                    "plan_id": self.plan.id,
                    "file": base64.b64encode(data),
                    "filename": "carrier.csv",
                    "valid_from": NOVEMBER,
                    **values,
                }
            )
        )

    def _said(self, wizard):
        return {column.heading: column.meaning for column in wizard.column_ids}

    def _deck(self):
        """All that the plan's rates say, but for what undoing leaves of rates by which calls were charged."""
        self.env.invalidate_all()
        names = [
            name for name in self.env["call.rate"]._fields if name not in ("write_date", "write_uid", "__last_update")
        ]
        return self.env["call.rate"].search([("plan_id", "=", self.plan.id)], order="id").read(names)
