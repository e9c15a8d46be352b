"""Bodies on which opinions once differed, and those that fuzzing starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.opinions import Opinions
from verification.project import ROOT

OPINIONS = Opinions()
BODIES = [
    path
    for folder in ("fuzz/findings", "samples", "samples/refused")
    for path in sorted((ROOT / folder).glob("*"))
    if path.is_file()
]


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.name)
def test_body(path: Path) -> None:
    """Both readers and both verdicts say the same."""
    OPINIONS.compare(path.read_bytes())


def test_there_are_bodies() -> None:
    """Neither the findings nor the samples were moved away."""
    assert {path.parent.name for path in BODIES} == {"findings", "samples", "refused"}
