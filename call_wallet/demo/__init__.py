from . import call_wallet_demo
