from . import portal, usage_report
