"""The end of a wallet: paying back, keeping or writing off what is left, and funds that expire unused.

A closed wallet is archived with a balance of zero; a call that took place is charged all the same, and
closing again settles it. Idle funds expire only after notice. Before the addon itself
is uninstalled, it says what is still owed to customers. Doors: ``close``, ``reopen``, ``_cron_breakage``.
"""

from . import (
    base_module_uninstall,
    call_wallet,
)
