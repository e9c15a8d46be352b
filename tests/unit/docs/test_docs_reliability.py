"""docs/reliability.md names every fault scenario there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.reliability import FAULTS, page, rows


def test_every_module_of_scenarios_is_on_the_page() -> None:
    """A new module of fault tests cannot be forgotten."""
    text = page()
    for module in FAULTS.glob("test_*.py"):
        for row in rows(module):
            assert f"`{row.test}`" in text


def test_a_test_without_its_row_is_an_error(tmp_path: Path) -> None:
    """Whoever adds a scenario says what it shows."""
    module = tmp_path / "test_new.py"
    module.write_text("def test_new() -> None:\n    pass\n")
    with pytest.raises(ValueError, match="test_new has no @scenario"):
        list(rows(module))
