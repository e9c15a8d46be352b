"""All that is known of a finished run: what every kind of report is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from verification.running import CheckResult, Status
from verification.timeline import Span


@dataclass(frozen=True)
class RunReport:
    """One run. `stopped` says why it ended before all checks were through; empty otherwise."""

    run_id: str
    started: datetime
    seconds: float
    configuration: Mapping[str, str]
    results: Sequence[CheckResult]
    spans: Sequence[Span]
    stopped: str = ""
    diagnostics: str = ""

    @property
    def exit_code(self) -> int:
        """0: all passed, 1: a check failed, 2: could not run."""
        if self.stopped:
            return 2
        return 1 if any(result.fatal for result in self.results) else 0

    @property
    def verdict(self) -> str:
        """One line: how many checks ended in which way."""
        counts = Counter(result.status for result in self.results)
        words = ", ".join(f"{counts[status]} {status}" for status in Status)
        return f"{words} in {self.seconds:.0f} s" + (
            f"; stopped: {self.stopped}" if self.stopped else ""
        )


def covered_s(results: Iterable[CheckResult]) -> float:
    """Return how long at least one of the checks was running."""
    covered, until = 0.0, 0.0
    for result in sorted(results, key=lambda item: item.start_s):
        end = result.start_s + result.seconds
        covered += max(0.0, end - max(until, result.start_s))
        until = max(until, end)
    return covered
