"""What waits in each queue, and since when: a row a queue, read by the indexes by which the work itself is found.

Each answers its number of entries and the time (naive UTC) of the oldest; both count what is due, and not what is
planned for later.
"""

QUEUES = {
    "events": "SELECT count(*), min(occurred_at) FROM call_wallet_event WHERE number IS NULL",
    "webhooks": """
        SELECT count(*), min(d.due_since)
          FROM call_wallet_webhook_delivery d JOIN call_wallet_webhook w ON w.id = d.webhook_id AND w.active
         WHERE d.state = 'waiting'
    """,
    "source_messages": "SELECT count(*), min(first_at) FROM call_source_message WHERE state = 'waiting'",
    "source_calls": "SELECT count(*), min(due_at) FROM call_source_call WHERE due_at < %(now)s",
    "source_files": "SELECT count(*), min(create_date) FROM call_source_file WHERE state IN ('waiting', 'running')",
    "reports": "SELECT count(*), min(create_date) FROM call_usage_report_job WHERE state IN ('waiting', 'running')",
    "postings": "SELECT count(*), min(create_date) FROM call_wallet_posting WHERE state IN ('waiting', 'running')",
    "alerts": "SELECT count(*), min(create_date) FROM call_wallet_alert WHERE state = 'pending'",
    "mails": "SELECT count(*), min(create_date) FROM mail_mail WHERE state = 'outgoing'",
    "stripe_messages": "SELECT count(*), min(create_date) FROM call_wallet_stripe_event WHERE state = 'waiting'",
}
HOLDS = "SELECT count(*), min(expires_at) FROM call_wallet_hold WHERE state = 'held'"
WALLETS = """
    SELECT CASE WHEN NOT w.active THEN 'closed' WHEN NOT b.is_set_up THEN 'not_set_up'
                WHEN b.alert_level >= 2 THEN 'used_up' WHEN b.alert_level = 1 THEN 'low' ELSE 'funded' END, count(*)
      FROM call_wallet w JOIN call_wallet_balance b ON b.wallet_id = w.id
     GROUP BY 1
"""
FAILED_MAILS = "SELECT count(*) FROM mail_mail WHERE state = 'exception'"
WORK = "SELECT kind, sum(count) FROM ({waiting}) entries GROUP BY kind"
METERS = "SELECT name, labels, value FROM call_wallet_meter ORDER BY name, labels"
