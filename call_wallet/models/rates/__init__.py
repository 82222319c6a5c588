"""Contracted prices: rate plans, their rates, and the decks that rate a call.

The longest prefix in force when the call started applies; an empty prefix matches every number. A change of a
rate raises the plan's version, by which each process knows that its deck is old. A plan's prices are in the plan's
currency, and no day's rate of exchange changes them; WhatsApp calls without a contracted price have one a currency
(``call.wallet.price``). A file of prices is a ``call.rate.import``: previewed, applied as a whole, and undone while
nobody has touched what it did. The arithmetic is in ``rating``, which knows nothing of Odoo. Door:
``_load_rated_wallets``, by which calls find their prices.
"""

from . import (
    call_wallet_price,
    call_rate_plan,
    call_rate,
    call_rate_import,
    call_rate_import_column,
    call_rate_import_cost,
    call_rate_import_error,
    call_rate_import_line,
    call_rate_import_read,
    call_wallet_settings_mixin,
)
