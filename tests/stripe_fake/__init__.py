"""A small stateful Stripe: what Call Wallet uses of it, over real HTTP.

Started in a thread by the tests (``StripeFake``) and as a process by the demo
(``python -m tests.stripe_fake --port 8420 --webhook URL=SECRET``). Production code differs
in nothing but the address. What this does not do is in docs/operations.md, "Not verified against Stripe".
"""

from .server import StripeFake

__all__ = ["StripeFake"]
