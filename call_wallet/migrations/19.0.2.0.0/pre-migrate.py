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
# Odoo's pattern for views: <model>_view_<type>.
RENAMED = {
    "call_rate_form": "call_rate_view_form",
    "call_rate_graph": "call_rate_view_graph",
    "call_rate_import_form": "call_rate_import_view_form",
    "call_rate_import_line_list": "call_rate_import_line_view_list",
    "call_rate_import_line_search": "call_rate_import_line_view_search",
    "call_rate_kanban": "call_rate_view_kanban",
    "call_rate_list": "call_rate_view_list",
    "call_rate_pivot": "call_rate_view_pivot",
    "call_rate_plan_form": "call_rate_plan_view_form",
    "call_rate_plan_kanban": "call_rate_plan_view_kanban",
    "call_rate_plan_list": "call_rate_plan_view_list",
    "call_rate_plan_search": "call_rate_plan_view_search",
    "call_rate_search": "call_rate_view_search",
    "call_usage_form": "call_usage_view_form",
    "call_usage_graph": "call_usage_view_graph",
    "call_usage_kanban": "call_usage_view_kanban",
    "call_usage_list": "call_usage_view_list",
    "call_usage_list_of_wallet": "call_usage_view_list_of_wallet",
    "call_usage_pivot": "call_usage_view_pivot",
    "call_usage_rejection_form": "call_usage_rejection_view_form",
    "call_usage_rejection_graph": "call_usage_rejection_view_graph",
    "call_usage_rejection_kanban": "call_usage_rejection_view_kanban",
    "call_usage_rejection_list": "call_usage_rejection_view_list",
    "call_usage_rejection_pivot": "call_usage_rejection_view_pivot",
    "call_usage_rejection_search": "call_usage_rejection_view_search",
    "call_usage_report_job_list": "call_usage_report_job_view_list",
    "call_usage_report_wizard_form": "call_usage_report_wizard_view_form",
    "call_usage_rerate_form": "call_usage_rerate_view_form",
    "call_usage_rerate_line_form": "call_usage_rerate_line_view_form",
    "call_usage_rerate_line_list": "call_usage_rerate_line_view_list",
    "call_usage_rerate_line_search": "call_usage_rerate_line_view_search",
    "call_usage_rerate_list": "call_usage_rerate_view_list",
    "call_usage_rerate_search": "call_usage_rerate_view_search",
    "call_usage_search": "call_usage_view_search",
    "call_wallet_account_move_form": "account_move_view_form_posting",
    "call_wallet_alert_kanban": "call_wallet_alert_view_kanban",
    "call_wallet_alert_list": "call_wallet_alert_view_list",
    "call_wallet_alert_search": "call_wallet_alert_view_search",
    "call_wallet_auto_topup_form": "call_wallet_auto_topup_view_form",
    "call_wallet_auto_topup_kanban": "call_wallet_auto_topup_view_kanban",
    "call_wallet_auto_topup_list": "call_wallet_auto_topup_view_list",
    "call_wallet_auto_topup_search": "call_wallet_auto_topup_view_search",
    "call_wallet_auto_topup_wizard_form": "call_wallet_auto_topup_wizard_view_form",
    "call_wallet_day_graph": "call_wallet_day_view_graph",
    "call_wallet_day_list": "call_wallet_day_view_list",
    "call_wallet_day_pivot": "call_wallet_day_view_pivot",
    "call_wallet_day_search": "call_wallet_day_view_search",
    "call_wallet_form": "call_wallet_view_form",
    "call_wallet_form_auto_topup": "call_wallet_view_form_auto_topup",
    "call_wallet_graph": "call_wallet_view_graph",
    "call_wallet_hold_form": "call_wallet_hold_view_form",
    "call_wallet_hold_graph": "call_wallet_hold_view_graph",
    "call_wallet_hold_kanban": "call_wallet_hold_view_kanban",
    "call_wallet_hold_list": "call_wallet_hold_view_list",
    "call_wallet_hold_pivot": "call_wallet_hold_view_pivot",
    "call_wallet_hold_search": "call_wallet_hold_view_search",
    "call_wallet_kanban": "call_wallet_view_kanban",
    "call_wallet_list": "call_wallet_view_list",
    "call_wallet_move_form_topup": "account_move_view_form_topup",
    "call_wallet_move_line_list": "account_move_line_view_list",
    "call_wallet_pause_form": "call_wallet_pause_view_form",
    "call_wallet_payback_wizard_form": "call_wallet_payback_wizard_view_form",
    "call_wallet_pivot": "call_wallet_view_pivot",
    "call_wallet_post_now_form": "call_wallet_post_now_view_form",
    "call_wallet_posted_entry_list": "call_wallet_posted_entry_view_list",
    "call_wallet_posting_form": "call_wallet_posting_view_form",
    "call_wallet_posting_kanban": "call_wallet_posting_view_kanban",
    "call_wallet_posting_list": "call_wallet_posting_view_list",
    "call_wallet_posting_search": "call_wallet_posting_view_search",
    "call_wallet_refund_request_form": "call_wallet_refund_request_view_form",
    "call_wallet_refund_request_kanban": "call_wallet_refund_request_view_kanban",
    "call_wallet_refund_request_list": "call_wallet_refund_request_view_list",
    "call_wallet_refund_request_search": "call_wallet_refund_request_view_search",
    "call_wallet_search": "call_wallet_view_search",
    "call_wallet_topup_form_accounting": "call_wallet_topup_view_form_accounting",
    "call_wallet_transaction_form": "call_wallet_transaction_view_form",
    "call_wallet_transaction_graph": "call_wallet_transaction_view_graph",
    "call_wallet_transaction_kanban": "call_wallet_transaction_view_kanban",
    "call_wallet_transaction_list": "call_wallet_transaction_view_list",
    "call_wallet_transaction_list_of_wallet": "call_wallet_transaction_view_list_of_wallet",
    "call_wallet_transaction_pivot": "call_wallet_transaction_view_pivot",
    "call_wallet_transaction_search": "call_wallet_transaction_view_search",
    "payment_provider_form": "payment_provider_view_form",
}
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
