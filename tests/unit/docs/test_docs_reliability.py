"""docs/reliability.md names every fault scenario there is, and rules that can be taken out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.reliability import FAULTS, page, rows
from tests.mutations.__main__ import MUTATIONS
from tests.mutations.front import KINDS
from tests.mutations.mutation import Mutation
from verification.project import ROOT


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


def test_every_kind_of_fault_has_its_row() -> None:
    """With the test that is red where its rule is taken out."""
    text = page()
    for kind in KINDS:
        assert f"| {kind.fault} | {kind.rule} | `{kind.without.test.split('::')[-1]}` |" in text


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_rule_that_is_taken_out_is_there(mutation: Mutation) -> None:
    """Its code is there once, and so is the test that misses it."""
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    module, *names = mutation.test.split("::")
    tests = (ROOT / module).read_text(encoding="utf-8")
    assert all(re.search(rf"(def|class) {name}\b", tests) for name in names)
