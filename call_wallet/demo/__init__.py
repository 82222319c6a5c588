from . import call_wallet_demo, call_wallet_demo_auto_topup
