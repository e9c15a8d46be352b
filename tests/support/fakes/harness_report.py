"""A finished run with everything on it that a report can show, and everything that can break it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from verification.checklist.registry import CHECKS
from verification.checklist.support.check import Check, Evidence
from verification.reports.run_report import RunReport
from verification.running import CheckResult, Status
from verification.timeline import Span
from verification.traffic.ledger import Attempt, Ledger, Outcome, settle

_BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# A digest, an address and markup: nothing to break a line at, and nothing to be obeyed.
NASTY = f"sha256:{'0123456789abcdef' * 24} http://{'x' * 120}.example <script>alert(1)</script>"


def some_ledger(*, broken: bool = False) -> Ledger:
    """Return ten seconds of load with an outage in the middle."""
    attempts = list(_attempts())
    present = [item.id for item in attempts if item.outcome is not Outcome.REFUSED]
    lost = 1 if broken else 0
    return settle(attempts, [*present[lost:], present[-1]], present[lost:])


def _attempts() -> Iterator[Attempt]:
    for number in range(400):
        sent_s = number / 40
        outcome = Outcome.ACCEPTED
        if 4 <= sent_s < 5:
            outcome = Outcome.REFUSED if number % 3 else Outcome.INDETERMINATE
        latency_ms = 3 + 40 * math.sin(number) ** 8 + (900 if 5 <= sent_s < 5.3 else 0)
        yield Attempt(f"bid-{number}", outcome, sent_s, latency_ms, f"HTTP {outcome}")


def _result(check: Check, number: int, status: Status) -> CheckResult:
    said = f"expected 202; found {NASTY}\nand more" if status is Status.FAILED else "202 in 4 ms"
    details = {"the record": NASTY, "many lines": "\n".join(f"line {n}" for n in range(60))}
    ledger = None
    if check.category == "resilience":
        ledger = some_ledger(broken=status is Status.FAILED)
    evidence = Evidence(said, details if number % 7 == 0 else {}, ledger)
    return CheckResult(check, status, said, _BEGAN, number * 1.5, 1.5, evidence)


def finished_run(*, failed: Sequence[str] = (), skipped: Sequence[str] = ()) -> RunReport:
    """Return a run of every check of the registry; those that are named failed or were skipped."""
    endings = dict.fromkeys(skipped, Status.SKIPPED) | dict.fromkeys(failed, Status.FAILED)
    results = [
        _result(check, number, endings.get(check.id, Status.PASSED))
        for number, check in enumerate(CHECKS)
    ]
    spans = [Span(item.check.id, item.start_s, item.start_s + 1.5) for item in results]
    return RunReport(
        run_id="v1",
        started=_BEGAN,
        seconds=1.5 * len(results),
        configuration={"cluster": "rtb-verify", "rtb/ingest": f"rtb/ingest:{'0' * 64}"},
        results=results,
        spans=[Span("prepare: cluster", 0.0, 40.0), *spans],
        diagnostics=f"diagnostics/{'x' * 120}" if failed else "",
    )
