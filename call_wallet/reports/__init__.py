from . import reconciliation, usage_report
