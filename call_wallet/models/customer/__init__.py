"""The customer's side of a wallet: who owns it, and whom its invoices are addressed to.

Owners are portal users of the customer with the role, and nobody else there; one owner stays. A wallet of one of
our own companies is owned by those who work for that company. What owners change of their billing information
appears on later invoices, never on those that were issued. Doors: ``add_owner``, ``remove_owner``,
``billing_information``, ``set_billing_information``.
"""

from . import (
    call_wallet,
    res_partner,
    res_users,
)
