"""The run as Markdown, for a pull request or a note."""

from __future__ import annotations

from verification.reports.run_report import RunReport
from verification.running import CheckResult

_SLOWEST = 12


def to_markdown(report: RunReport) -> str:
    """Return verdict, checks, ledgers and where the time went."""
    lines = [
        "# Verification",
        "",
        f"**{report.verdict}** ({report.started:%Y-%m-%d %H:%M} UTC)",
        "",
    ]
    lines += ["| | check | promise | found | s |", "| --- | --- | --- | --- | --- |"]
    lines += [_row(result) for result in report.results]
    for result in report.results:
        lines += _ledger(result)
    lines += ["", "## Where the time went", "", "| what | s |", "| --- | --- |"]
    slowest = sorted(report.spans, key=lambda span: -span.seconds)[:_SLOWEST]
    lines += [f"| {span.name} | {span.seconds:.1f} |" for span in slowest]
    if report.diagnostics:
        lines += ["", f"Diagnostics: `{report.diagnostics}`"]
    return "\n".join(lines) + "\n"


def _row(result: CheckResult) -> str:
    cells = (result.check.id, result.check.promise, result.message[:200])
    shown = " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {result.status.mark} | {shown} | {result.seconds:.1f} |"


def _ledger(result: CheckResult) -> list[str]:
    if result.evidence is None or result.evidence.ledger is None:
        return []
    head = ["", f"## Loss ledger of {result.check.id}", "", "| column | ids |", "| --- | --- |"]
    return head + [
        f"| {name} | {count} |" for name, count in result.evidence.ledger.counts().items()
    ]
