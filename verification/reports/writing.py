"""The reports of a run but its page: JSON for programs, JUnit XML for CI, Markdown for a note."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from verification.reports.html import to_html
from verification.reports.run_report import RunReport, covered_s
from verification.running import CheckResult, Status

_SLOWEST = 12
# Characters that XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_reports(report: RunReport, folder: Path) -> list[Path]:
    """Write every kind of report and return the files."""
    reports = {
        "report.json": to_json,
        "junit.xml": to_junit,
        "report.md": to_markdown,
        "report.html": to_html,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, render in reports.items():
        (folder / name).write_text(render(report), encoding="utf-8")
    return [folder / name for name in reports]


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
        "checks": [_check_as_json(result) for result in report.results],
        "timeline": [
            {"name": span.name, "start_s": round(span.start_s, 3), "end_s": round(span.end_s, 3)}
            for span in report.spans
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _check_as_json(result: CheckResult) -> dict[str, Any]:
    evidence = result.evidence
    ledger = evidence.ledger if evidence else None
    return {
        "id": result.check.id,
        "category": result.check.category,
        "promise": result.check.promise,
        "statement": result.check.statement,
        "severity": result.check.severity.value,
        "status": result.status.value,
        "message": result.message,
        "seconds": round(result.seconds, 3),
        "evidence": dict(evidence.details) if evidence else {},
        "ledger": ledger.counts() if ledger else None,
    }


def to_junit(report: RunReport) -> str:
    """Return one test suite a category; a run that was stopped is an error of its own."""
    root = Element("testsuites", name="verification", time=f"{report.seconds:.3f}")
    for category in dict.fromkeys(result.check.category for result in report.results):
        chosen = [result for result in report.results if result.check.category == category]
        _suite(root, category, chosen)
    if report.stopped:
        suite = SubElement(root, "testsuite", name="run", tests="1", errors="1")
        case = SubElement(suite, "testcase", classname="run", name="completes")
        SubElement(case, "error", message=_clean(report.stopped))
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, category: str, results: Sequence[CheckResult]) -> None:
    suite = SubElement(
        root,
        "testsuite",
        name=category,
        tests=str(len(results)),
        failures=str(sum(result.fatal for result in results)),
        skipped=str(sum(result.status is Status.SKIPPED for result in results)),
        time=f"{covered_s(results):.3f}",
    )
    for result in results:
        _case(suite, result)


def _case(suite: Element, result: CheckResult) -> None:
    seconds = f"{result.seconds:.3f}"
    case = SubElement(
        suite, "testcase", classname=result.check.category, name=result.check.id, time=seconds
    )
    if result.fatal:
        failure = SubElement(case, "failure", message=_clean(result.message))
        failure.text = _clean(f"{result.check.statement}\n{result.message}\n{result.check.hint}")
        return
    if result.status is Status.SKIPPED:
        SubElement(case, "skipped", message=_clean(result.message))
    SubElement(case, "system-out").text = _clean(result.message)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


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
    cells = (result.check.id, result.check.statement, result.message[:200])
    shown = " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {result.status.mark} | {shown} | {result.seconds:.1f} |"


def _ledger(result: CheckResult) -> list[str]:
    if result.evidence is None or result.evidence.ledger is None:
        return []
    head = ["", f"## Loss ledger of {result.check.id}", "", "| column | ids |", "| --- | --- |"]
    return head + [
        f"| {name} | {count} |" for name, count in result.evidence.ledger.counts().items()
    ]
