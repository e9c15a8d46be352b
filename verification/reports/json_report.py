"""The run as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any

from verification.reports.run_report import RunReport
from verification.running import CheckResult


def to_json(report: RunReport) -> str:
    """Return the report as one JSON object."""
    document = {
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "run_id": report.run_id,
        "started": report.started.isoformat(),
        "seconds": round(report.seconds, 3),
        "stopped": report.stopped,
        "diagnostics": report.diagnostics,
        "configuration": dict(report.configuration),
        "checks": [_check(result) for result in report.results],
        "timeline": [
            {"name": span.name, "start_s": round(span.start_s, 3), "end_s": round(span.end_s, 3)}
            for span in report.spans
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _check(result: CheckResult) -> dict[str, Any]:
    evidence = result.evidence
    ledger = evidence.ledger if evidence else None
    return {
        "id": result.check.id,
        "category": result.check.category,
        "promise": result.check.promise,
        "severity": result.check.severity.value,
        "status": result.status.value,
        "message": result.message,
        "seconds": round(result.seconds, 3),
        "evidence": dict(evidence.details) if evidence else {},
        "ledger": ledger.counts() if ledger else None,
    }
