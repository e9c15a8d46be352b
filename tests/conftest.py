"""Options that every test run understands."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# an assertion that fails there is to show its figures, too
pytest.register_assert_rewrite("tests.support")

from tests.support import tools  # noqa: E402  after the line above

_WITH_KAFKA = ("tests/kubernetes/image/", "tests/run/", "tests/services/")
_WORKERS_A_CORE, _MOST_WORKERS = 2, 8
_LEFT_OUT = pytest.StashKey[list[str]]()
_NOTE = "note"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose the Kafka of the integration tests, and a place for pictures."""
    parser.addoption(
        "--kafka",
        default="embedded",
        metavar="embedded|docker|HOST:PORT",
        help="embedded: the broker of `make run`; docker: the public image",
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
    parser.addoption(
        "--requests",
        type=int,
        default=2_000,
        metavar="NUMBER",
        help="how many are sent through restarts behind a proxy; 20000 is the whole",
    )


def pytest_xdist_auto_num_workers() -> int:
    """Run more tests at once than there are cores: most of them wait most of the time."""
    return min((os.cpu_count() or 1) * _WORKERS_A_CORE, _MOST_WORKERS)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine lacks a tool for, unless `-m` asks for it."""
    tools.mark(items)
    if config.option.markexpr:
        return
    items[:], unable = tools.part(items)
    config.stash[_LEFT_OUT] = tools.lines(unable)
    if unable:
        config.hook.pytest_deselected(items=unable)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let kafka-python, closed while it connects, leave the socket to the garbage collector.

    Where it runs, and nowhere else. For the phases of the tests, to which pytest applies its own
    filters, and for the time between and after them: the collector may come at any moment.
    """
    if any(item.nodeid.startswith(_WITH_KAFKA) for item in session.items):
        session.config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401  xdist ships no types
    """Learn from a worker what was left out: every one of them collects all there is."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_LEFT_OUT] = output.get("left_out", [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what tests noted and, last, what was left out."""
    for report in terminalreporter.stats.get("passed", []):
        for name, line in report.user_properties:
            if name == _NOTE:
                terminalreporter.write_line(line)
    for line in config.stash.get(_LEFT_OUT, []):
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped or left out anything; let a worker say what it has left out."""
    left_out = session.config.stash.get(_LEFT_OUT, [])
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = left_out
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if "CI" in os.environ and reporter is not None and (reporter.stats.get("skipped") or left_out):
        reporter.write_line("tests were skipped or left out, which CI does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return what adds a line to the end of pytest's output."""
    return lambda line: record_property(_NOTE, line)


def _tool_fixture(name: str) -> Any:  # noqa: ANN401  pytest keeps the type to itself
    """Return the fixture that fails the test which asks for a tool that is missing."""

    def there() -> None:
        tools.require(name)

    return pytest.fixture(scope="session", name=name)(there)


globals().update({tool.name: _tool_fixture(tool.name) for tool in tools.TOOLS})
