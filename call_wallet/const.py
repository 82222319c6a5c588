"""Names that many rooms use: the groups of people, what Odoo calls a task, and the kinds of calls."""

FINANCE = "call_wallet.group_finance"
FINANCE_MANAGER = "call_wallet.group_finance_manager"
ACCOUNT_MANAGER = "call_wallet.group_account_manager"
PLATFORM = "call_wallet.group_platform"

# The type of Odoo's activities that stand for a task.
TO_DO = "mail.mail_activity_data_todo"

CALL_TYPES = [("live", "Live Call"), ("whatsapp", "WhatsApp Call")]
DIRECTIONS = [("outbound", "Outbound"), ("inbound", "Inbound")]

# Fields of a company: the account of the customers' deposits, and the journal of the postings.
DEPOSIT_ACCOUNT = "call_wallet_deposit_account_id"
JOURNAL = "call_wallet_journal_id"
