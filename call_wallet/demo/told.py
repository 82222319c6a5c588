from contextlib import contextmanager

from ..tools.clock import recorded_at

# What Odoo dates by itself, with the moment at which a row is made.
TABLES = (
    "call_wallet_alert",
    "call_wallet_refund_request",
    "call_wallet_stripe_event",
    "call_wallet_stripe_return",
    "mail_message",
)


@contextmanager
def told_at(env, moment):
    """Record what the block does under ``moment`` (naive UTC), and date alerts, requests and messages likewise."""
    env.flush_all()
    last = {}
    for table in TABLES:
        env.cr.execute(f"SELECT COALESCE(max(id), 0) FROM {table}")
        [last[table]] = env.cr.fetchone()
    with recorded_at(moment):
        yield
        env.flush_all()
    for table, known in last.items():
        names = ("create_date", "write_date", *(["date"] if table == "mail_message" else []))
        dates = ", ".join(f"{name} = %(moment)s" for name in names)
        env.cr.execute(f"UPDATE {table} SET {dates} WHERE id > %(known)s", {"moment": moment, "known": known})
    env.invalidate_all()


def send_alerts(env):
    """Have the alerts that wait sent when they were noticed, as they would have been."""
    alerts = env["call.wallet.alert"].search([("state", "=", "pending")], order="id")
    for alert in alerts.sorted(lambda alert: alert._says_most_first()):
        if alert.state == "pending" and not alert._waits_for_card():
            noticed = alert.create_date
            with told_at(env, noticed):
                alert._send()
    sent = env["call.wallet.alert"].search([("sent_at", "!=", False)])
    for alert in sent:
        alert.sent_at = alert.create_date
