"""Writing a run's reports into the state folder."""

from __future__ import annotations

from pathlib import Path

from verification.reports.html import to_html
from verification.reports.json_report import to_json
from verification.reports.junit import to_junit
from verification.reports.markdown import to_markdown
from verification.reports.run_report import RunReport

REPORTS = {
    "report.json": to_json,
    "junit.xml": to_junit,
    "report.md": to_markdown,
    "report.html": to_html,
}


def write_reports(report: RunReport, folder: Path) -> list[Path]:
    """Write every kind of report and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, render in REPORTS.items():
        (folder / name).write_text(render(report), encoding="utf-8")
        written.append(folder / name)
    return written
