"""Delete the reports that outlived the statements they were attached to.

They belonged to a mail, which Odoo deletes without what belongs to it; now they belong to its message.
"""

from odoo import SUPERUSER_ID, api

OURS = """
    SELECT a.id
      FROM ir_attachment a
     WHERE a.res_model = 'mail.mail' AND COALESCE(a.res_id, 0) = 0 AND starts_with(a.name, 'usage_report_')
       AND NOT EXISTS (SELECT FROM message_attachment_rel r WHERE r.attachment_id = a.id)
"""


def migrate(cr, version):
    """Delete them, and let those whose mail still waits go with its message; called by Odoo once."""
    cr.execute(OURS)
    api.Environment(cr, SUPERUSER_ID, {})["ir.attachment"].browse(row[0] for row in cr.fetchall()).unlink()
    cr.execute("""
        UPDATE ir_attachment SET res_model = 'mail.message'
         WHERE res_model = 'mail.mail' AND COALESCE(res_id, 0) = 0 AND starts_with(name, 'usage_report_')
    """)
