from . import portal, portal_auto_topup, usage_report
