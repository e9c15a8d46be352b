"""The run as JUnit XML, for CI systems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from verification.reports.run_report import RunReport, covered_s
from verification.running import CheckResult, Status

# Characters that XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
        failure.text = _clean(f"{result.check.promise}\n{result.message}\n{result.check.hint}")
        return
    if result.status is Status.SKIPPED:
        SubElement(case, "skipped", message=_clean(result.message))
    SubElement(case, "system-out").text = _clean(result.message)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
