{
    "name": "Call Wallet: VoIP OCA",
    "summary": "The call button dials by OCA's softphone; each call from it asks the company's wallet first",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "LGPL-3",
    "author": "Call Wallet",
    "depends": ["call_wallet", "voip_oca"],
    "data": [
        "data/ir_cron_data.xml",
        "views/voip_pbx_views.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "call_wallet_voip_oca/static/src/**/*",
        ],
    },
    "auto_install": True,
}
