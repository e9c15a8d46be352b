"""Lines at the end of pytest's output that say how many checks have been seen to fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def coverage_line(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return what adds a line to the end of pytest's output."""
    return pytestconfig.stash.setdefault(_LINES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the lines."""
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("checks and their faults")
    for line in lines:
        terminalreporter.write_line(line)
