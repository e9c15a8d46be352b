"""The checks: data that running, rendering, reporting and the runbook are driven by."""
