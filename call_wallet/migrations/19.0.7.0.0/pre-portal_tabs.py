"""The portal has four tabs, all in one template; templates that added one each are gone.

They look for a tab after which to add theirs. The new template has none where they look, and could not be installed
beside them. Odoo would take them away, too, but only at the end.
"""

OLD = ("auto_topup", "limits", "payment", "settings")


def migrate(cr, version):
    """Delete the old templates, and what Odoo kept of their names."""
    names = [f"portal_billing_tabs_{name}" for name in OLD]
    cr.execute(
        "DELETE FROM ir_ui_view WHERE id IN (SELECT res_id FROM ir_model_data"
        " WHERE module = 'call_wallet' AND model = 'ir.ui.view' AND name = ANY(%s))",
        [names],
    )
    cr.execute(
        "DELETE FROM ir_model_data WHERE module = 'call_wallet' AND model = 'ir.ui.view' AND name = ANY(%s)", [names]
    )
