"""The run as one self-contained HTML page: no script, no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from verification.checks.registry import CATEGORIES
from verification.reports.drawing import histogram, quantiles, timeline
from verification.reports.run_report import RunReport
from verification.running import CheckResult, Status


def to_html(report: RunReport) -> str:
    """Return the page: verdict, checks with evidence, ledgers, latencies, timeline."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    ledgers = [
        (result.check.id, result.evidence.ledger)
        for result in report.results
        if result.evidence is not None and result.evidence.ledger is not None
    ]
    latencies = sorted(value for _, ledger in ledgers for value in ledger.latencies_ms())
    return environment.get_template("page.html.j2").render(
        report=report,
        verdict=_verdict(report),
        groups=_groups(report.results),
        counts={status: _count(report.results, status) for status in Status},
        ledgers=ledgers,
        histogram=histogram(latencies),
        quantiles=quantiles(latencies),
        timeline=timeline(report.spans),
    )


def _verdict(report: RunReport) -> str:
    return ("passed", "failed", "could not run")[report.exit_code]


def _count(results: Sequence[CheckResult], status: Status) -> int:
    return sum(result.status is status for result in results)


def _groups(results: Sequence[CheckResult]) -> list[tuple[str, str, list[CheckResult]]]:
    """Return (category, its question, its results) in the order of the run."""
    names = dict.fromkeys(result.check.category for result in results)
    return [
        (name, CATEGORIES.get(name, ""), [item for item in results if item.check.category == name])
        for name in names
    ]
