"""The rooms of the addon, in the order in which they build on each other.

Each room is a subject. A room imports from those above it in this list and from no other; ``tools`` and
``rating`` lie below them all, wizards, controllers and reports above. docs/architecture.md draws how a call
becomes money and how a dollar becomes balance.
"""

from . import (
    wallet,
    platform,
    customer,
    ledger,
    rates,
    holds,
    usage,
    corrections,
    rerating,
    notices,
    limits,
    privacy,
    events,
    sources,
    source_files,
    topup,
    auto_topup,
    stripe,
    accounting,
    closing,
    dashboard,
    overview,
    watching,
    paper,
)
