"""Options that every test run understands."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

_WITH_KAFKA = ("tests/faults/", "tests/image/", "tests/integration/")

# an assertion that fails there is to show its figures, too
pytest.register_assert_rewrite("tests.support")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose the Kafka of the integration tests, and a place for pictures."""
    parser.addoption(
        "--kafka",
        default="auto",
        metavar="auto|embedded|docker|HOST:PORT",
        help="auto: docker where an engine answers, else the embedded broker of `make run`",
    )
    parser.addoption(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="where pages that are opened in a browser leave their pictures",
    )
    parser.addoption(
        "--report",
        type=Path,
        metavar="FILE",
        help="the report.html that the pictures show, by default one of a made-up run",
    )
    parser.addoption(
        "--away",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long Kafka is away under full load at the least",
    )


def pytest_runtestloop(session: pytest.Session) -> None:
    """Let kafka-python, closed while it connects, leave the socket to the garbage collector.

    Where it runs, and nowhere else. For the phases of the tests, to which pytest applies its own
    filters, and for the time between and after them: the collector may come at any moment.
    """
    if any(item.nodeid.startswith(_WITH_KAFKA) for item in session.items):
        session.config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped anything: there, everything is at hand."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if "CI" in os.environ and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("tests were skipped, which CI does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
