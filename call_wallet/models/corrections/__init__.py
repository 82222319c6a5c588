"""Corrections: a call that was reported with wrong facts, or that never was one, put right by its platform.

A reported call keeps the facts and the price it came with; each correction is a row of its own beside it, and what
the cost differs by is a new transaction. The last correction says what holds. What people refunded by hand stands,
and nobody gets back more than the call has cost. The platform corrects within the company's window, finance at any
time; what comes later from the platform is kept among the rejected calls until finance decides.
Doors: ``amend_calls``, ``void_calls``, ``get_calls``.
"""

from . import (
    call_usage_correction,
    call_usage,
    call_wallet_settings_mixin,
    res_company,
)
