"""Carry XML ids of version 19.0.1.0.0 over to their new names, before the new data is loaded.

Without this Odoo would take a renamed record for a new one: create it a second time, and delete the old one together
with what an administrator changed in it.

How to fill it: whoever renames a record of the addon (a view, an action, a menu, a rule, a scheduled action, a mail
template, ...) adds a line "old": "new" to RENAMED, both without "call_wallet.". A name is renamed once: it must not
stand on both sides. Names that Odoo makes itself (model_..., field_..., selection__..., constraint_...) follow their
models and fields and do not belong here. The old name of a record that is gone for good goes into REMOVED of
tests/test_upgrade.py instead, with the reason.
"""

import logging

_logger = logging.getLogger(__name__)

MODULE = "call_wallet"
RENAMED = {}
# A record of these models is two for Odoo, and the second one has an XML id of its own, made from the first one's.
COMPANIONS = {"ir.cron": "_ir_actions_server", "product.product": "_product_template", "res.users": "_res_partner"}


def migrate(cr, version):
    """Rename what ``RENAMED`` says; called by Odoo once, with the version that was installed."""
    rename_xml_ids(cr, RENAMED)


def rename_xml_ids(cr, renamed):
    """Give records of the addon new XML ids, and keep the records. A second run changes nothing.

    :param renamed: dict of old name to new name, without the module
    """
    chained = set(renamed) & set(renamed.values())
    if chained:
        raise ValueError(f"renamed from and to at once: {', '.join(sorted(chained))}")
    for old, new in renamed.items():
        model = _rename(cr, old, new)
        if model in COMPANIONS:
            _rename(cr, old + COMPANIONS[model], new + COMPANIONS[model])
        if model == "ir.ui.view":
            # The templates of pages are also found by this key.
            cr.execute("UPDATE ir_ui_view SET key = %s WHERE key = %s", [f"{MODULE}.{new}", f"{MODULE}.{old}"])


def _rename(cr, old, new):
    """Rename one XML id; return the model of its record, or None when there was nothing to rename."""
    cr.execute("SELECT name, model, res_id FROM ir_model_data WHERE module = %s AND name IN %s", [MODULE, (old, new)])
    found = {name: record for name, *record in cr.fetchall()}
    if old not in found:
        return None
    if new not in found:
        cr.execute("UPDATE ir_model_data SET name = %s WHERE module = %s AND name = %s", [new, MODULE, old])
    elif found[old] == found[new]:
        cr.execute("DELETE FROM ir_model_data WHERE module = %s AND name = %s", [MODULE, old])
    else:
        # Somebody made a record of the new name already. Which of the two is right cannot be told from here.
        _logger.warning("%s.%s is not renamed: %s.%s is another record already.", MODULE, old, MODULE, new)
        return None
    return found[old][0]
