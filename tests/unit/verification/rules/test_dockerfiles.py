"""hadolint's report becomes findings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from verification.cluster.tools.process import Result
from verification.errors import ToolFailedError
from verification.rules.dockerfiles import lint_dockerfiles

ROW = {
    "code": "DL3006",
    "column": 1,
    "file": "Dockerfile",
    "level": "warning",
    "line": 1,
    "message": "Always tag the version of an image explicitly",
}


class FakeHadolint:
    """Prints what it is told to and remembers how it was called."""

    def __init__(self, stdout: str, code: int = 0) -> None:
        self._stdout = stdout
        self._code = code
        self.argv: tuple[str, ...] = ()

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Return the report."""
        assert timeout > 0
        assert stdin is None
        assert env is None
        self.argv = tuple(argv)
        return Result(self.argv, self._code, self._stdout, "")


def test_no_objections() -> None:
    """An empty report means no findings, and every file is named to hadolint."""
    runner = FakeHadolint("[]")
    assert lint_dockerfiles(runner, "/bin/hadolint", [Path("a"), Path("b")]) == []
    assert runner.argv[0] == "/bin/hadolint"
    assert runner.argv[-2:] == ("a", "b")


def test_an_objection() -> None:
    """A row says file, line, code, level and message."""
    runner = FakeHadolint(json.dumps([ROW]))
    assert lint_dockerfiles(runner, "hadolint", [Path("Dockerfile")]) == [
        "Dockerfile:1 DL3006 (warning): Always tag the version of an image explicitly"
    ]


def test_a_report_that_is_none() -> None:
    """A failing hadolint is not taken for nothing to object to."""
    with pytest.raises(ToolFailedError):
        lint_dockerfiles(FakeHadolint("", code=1), "hadolint", [Path("gone")])
