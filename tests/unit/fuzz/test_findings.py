"""Bodies on which opinions once differed, and those that fuzzing starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.opinions import Opinions
from verification.project import ROOT

pytestmark = pytest.mark.promise("valid")

OPINIONS = Opinions()
FOLDERS = ("fuzz/findings", "samples", "samples/refused")
BODIES = [path for folder in FOLDERS for path in (ROOT / folder).glob("*") if path.is_file()]


@pytest.mark.parametrize("path", sorted(BODIES), ids=lambda path: path.name)
def test_body(path: Path) -> None:
    """Both readers and both validators say the same; no folder of bodies was moved away."""
    assert {path.parent for path in BODIES} == {ROOT / folder for folder in FOLDERS}
    OPINIONS.compare(path.read_bytes())
