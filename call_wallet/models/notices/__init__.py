"""Who is told what: recipients, low balance, calls stopped, monthly statements, and tasks of finance.

One alert is noted per crossing, in the transaction that moved the balance, and sent after its commit; the
scheduled action sends what a crash has left. Mails are written in the recipient's language, one a person. What waits
for somebody in finance, whatever failed by itself included, is in one list (``call.wallet.waiting``).
Doors: ``set_recipients``, ``set_low_balance_threshold``, ``set_notifications``, ``_cron_send``,
``_cron_send_statements``, and ``list_events``, which reads the outbox of ``events``.
"""

from . import (
    call_wallet_recipient,
    call_wallet_failure,
    call_wallet_waiting,
    mail_activity,
    mail_mail,
    mail_thread,
    call_wallet_alert,
    call_wallet,
    res_company,
)
