from odoo import fields, models


class IrCronProgress(models.Model):
    _inherit = "ir.cron.progress"

    # Written by ``each`` of tools/door.py; Odoo keeps one of these records for each start, for a week.
    call_wallet_place = fields.Char("Done up to", readonly=True, help="Part and id of the last record that was done.")
