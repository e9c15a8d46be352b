"""The requests under samples/ are what their names say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.validation.explain import violations
from verification.project import ROOT

SAMPLES = ROOT / "samples"
REFUSED = SAMPLES / "refused"
EXPECTED: dict[str, Any] = json.loads((REFUSED / "expected.json").read_bytes())
VALID_BYTES = range(500, 3_001)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_accepted(path: Path) -> None:
    """A sample outside of refused/ is a valid request of a realistic size."""
    assert violations(json.loads(path.read_bytes())) == []
    assert path.stat().st_size in VALID_BYTES


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_refused(name: str) -> None:
    """A sample in refused/ has exactly the one thing wrong that expected.json says."""
    found = violations(json.loads((REFUSED / name).read_bytes()))
    assert [{"path": each.path, "rule": each.rule} for each in found] == EXPECTED[name]
    assert len(found) == 1


def test_nothing_is_left_out() -> None:
    """expected.json has an entry for each file next to it, and there are a dozen of either kind."""
    files = {path.name for path in REFUSED.glob("*.json")} - {"expected.json"}
    assert files == set(EXPECTED)
    assert min(len(files), len(list(SAMPLES.glob("*.json")))) >= 12
