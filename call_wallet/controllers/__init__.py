from . import portal, portal_auto_topup, portal_report, portal_settings, usage_report
