"""The Dockerfiles under the real hadolint."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import pytest

from verification.cluster.tools.process import SubprocessRunner
from verification.project import ROOT
from verification.rules.dockerfiles import lint_dockerfiles

HADOLINT = str(Path(sysconfig.get_path("scripts")) / "hadolint")


@pytest.fixture
def runner() -> SubprocessRunner:
    """Return what runs real processes."""
    return SubprocessRunner(os.environ, ROOT)


@pytest.mark.parametrize("name", ["Dockerfile.ingest", "Dockerfile.consumer"])
def test_ours(name: str, runner: SubprocessRunner) -> None:
    """Nothing is objected to in either Dockerfile."""
    assert lint_dockerfiles(runner, HADOLINT, [Path(name)]) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("FROM debian", "DL3006"),
        ("FROM debian:latest", "DL3007"),
        ("FROM debian:12\nRUN apt-get install curl", "DL3008"),
        ("FROM debian:12\nENTRYPOINT python -m app", "DL3025"),
        ("FRO debian:12", "DL1000"),
    ],
)
def test_a_bad_one(line: str, code: str, runner: SubprocessRunner, tmp_path: Path) -> None:
    """Common faults, and a file that is no Dockerfile, are objected to by their code."""
    path = tmp_path / "Dockerfile"
    path.write_text(f"{line}\n", encoding="utf-8")
    found = lint_dockerfiles(runner, HADOLINT, [path])
    assert any(code in text for text in found), found
