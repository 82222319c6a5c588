"""What is shown live: the wallet's dashboard, and the banner that asks for funds.

Figures come from balances and daily totals, never from a scan of the ledger. Whoever looks is noted for two
minutes, and only wallets that somebody looks at send messages. Doors: ``watch``, ``dashboard_data``,
``low_balance_banners``, ``get_wallets``.
"""

from . import (
    call_wallet,
    call_wallet_spend,
    call_wallet_watch,
    ir_http,
    ir_websocket,
)
