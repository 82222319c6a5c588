"""A calling platform's side of Call Wallet. Standard library only.

import os
from call_wallet_client import Client, Recorder

client = Client("https://odoo.example.com", os.environ["WALLET_KEY"], database="production")
with Recorder(client, "/var/spool/calls") as recorder:  # keeps ended calls until they are answered
    with client.call("ACME", "call-7f3a", "live", "+14155550100", recorder=recorder) as call:
        call.start()                    # answered: the clock runs
        ...                             # hang up at call.deadline, which moves on by itself while funds last
"""

from .client import BATCH, Client
from .errors import CallRefused, CallWalletError, NotAllowed, RequestRefused, Unreachable, WebhookRefused
from .live import LiveCall
from .records import (
    Authorization,
    CallState,
    CorrectedCall,
    Correction,
    EndedCall,
    Event,
    Hold,
    Quote,
    RecordedCall,
    Rejection,
    RetriedCall,
    Transaction,
    Wallet,
)
from .recorder import Recorder
from .webhooks import verify_webhook

__all__ = [
    "BATCH",
    "Authorization",
    "CallRefused",
    "CallState",
    "CallWalletError",
    "Client",
    "CorrectedCall",
    "Correction",
    "EndedCall",
    "Event",
    "Hold",
    "LiveCall",
    "NotAllowed",
    "Quote",
    "RecordedCall",
    "Recorder",
    "Rejection",
    "RequestRefused",
    "RetriedCall",
    "Transaction",
    "Unreachable",
    "Wallet",
    "WebhookRefused",
    "verify_webhook",
]
