from odoo import fields, models


class ResCompanyPaper(models.Model):
    _inherit = "res.company"

    call_wallet_all_letterheads = fields.Boolean(
        "Letterhead on all documents",
        help="Where the server's wkhtmltopdf has no patched Qt, documents that are not about wallets are printed with "
        "letterhead and searchable text as well. Off: they are printed as Odoo does.",
    )
