"""The run as one self-contained HTML page: no script, no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from verification.checklist.registry import CATEGORIES
from verification.reports.drawing import Drawing, histogram, strip, timeline
from verification.reports.run_report import RunReport, covered_s
from verification.running import CheckResult, Status
from verification.traffic.ledger import MUST_BE_EMPTY, Column, Ledger, Outcome
from verification.traffic.outages import Outage, outages
from verification.traffic.quantiles import quantiles

_HEADLINES = ("Every promise is kept", "A promise is broken", "The run came to no verdict")


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Group:
    """The results of one category, under the question that they answer."""

    name: str
    question: str
    results: Sequence[CheckResult]

    @property
    def passed(self) -> int:
        """How many of them have passed."""
        return sum(result.status is Status.PASSED for result in self.results)

    @property
    def seconds(self) -> float:
        """How long they took together; what ran side by side counts once."""
        return covered_s(self.results)


@dataclass(frozen=True)
class Disturbance:
    """One check's ledger with what is drawn of it."""

    id: str
    ledger: Ledger

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return len(self.ledger.attempts)

    @property
    def strip(self) -> Drawing:
        """What the senders were told over time."""
        return strip(self.ledger.attempts)

    @property
    def outages(self) -> list[Outage]:
        """When requests failed."""
        return outages(self.ledger.attempts)

    @property
    def cells(self) -> Mapping[str, tuple[int, str]]:
        """Return count and class of each column that somebody may worry about."""
        forbidden = {column.value for column in MUST_BE_EMPTY} | {"unaccounted for"}
        counts = {**self.ledger.counts(), "unaccounted for": len(self.ledger.strangers)}
        return {
            name: (count, ("broken" if count else "kept") if name in forbidden else "")
            for name, count in counts.items()
        }


def to_html(report: RunReport) -> str:
    """Return the page: verdict, checks with evidence, ledgers, latencies, timeline."""
    disturbances = [
        Disturbance(result.check.id, result.evidence.ledger)
        for result in report.results
        if result.evidence is not None and result.evidence.ledger is not None
    ]
    latencies = _latencies_ms(disturbances)
    counts = Counter(result.status for result in report.results)
    missing = {
        bid_id for item in disturbances for bid_id in item.ledger.columns[Column.ACCEPTED_MISSING]
    }
    return _ENVIRONMENT.get_template("page.html.j2").render(
        report=report,
        tone=("passed", "failed", "stopped")[report.exit_code],
        headline=_HEADLINES[report.exit_code],
        groups=_groups(report.results),
        counts={status.value: counts[status] for status in Status},
        failures=[result for result in report.results if result.status is Status.FAILED],
        disturbances=disturbances,
        histogram=histogram(latencies),
        quantiles=quantiles(latencies),
        accepted=len(latencies),
        missing=len(missing),
        timeline=timeline(report.spans),
    )


def _latencies_ms(disturbances: Sequence[Disturbance]) -> list[float]:
    """Return the latencies of accepted bids, sorted; each counts once, on however many ledgers."""
    attempts = {each.id: each for item in disturbances for each in item.ledger.attempts}
    return sorted(x.latency_ms for x in attempts.values() if x.outcome is Outcome.ACCEPTED)


def _groups(results: Sequence[CheckResult]) -> list[Group]:
    """Return the categories in the order of the run."""
    names = dict.fromkeys(result.check.category for result in results)
    return [
        Group(name, CATEGORIES[name], [item for item in results if item.check.category == name])
        for name in names
    ]
