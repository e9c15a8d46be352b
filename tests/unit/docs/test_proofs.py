"""What the pages say is proved is proved: docs/promises.md and docs/reliability.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from docs import reliability
from docs.promises import CHECK, LEVELS, marked, promises_of, proofs
from tests.mutations.mutations import MUTATIONS, Mutation
from verification.project import ROOT
from verification.promises import PROMISES

pytestmark = pytest.mark.promise("documented")

LOW, TOP = {"unit", "property"}, {"services", "kubernetes", CHECK}
# What has no proof among the lowest levels, or none at the top, and why.
EXCEPTIONS = {
    ("fast", "top"): "`make bench` measures it",
}


def test_every_test_says_which_promise_it_proves() -> None:
    """Each is marked with promises that are in the list."""
    without = [
        f"{file}::{test}"
        for level in LEVELS
        for file, test, slugs in marked(level)
        if not slugs <= PROMISES.keys() or not slugs
    ]
    assert without == []


def test_every_promise_is_proved_where_it_can_fail_and_at_the_top() -> None:
    """The exceptions are those that are given a reason for."""
    lacking = {
        (slug, name)
        for slug, levels in proofs().items()
        for name, wanted in (("low", LOW), ("top", TOP))
        if not wanted & levels.keys()
    }
    assert lacking == EXCEPTIONS.keys()


def test_marks_are_found_wherever_they_stand() -> None:
    """Those of a module, of a class and of a test add up; another mark is none."""
    module = """
pytestmark = [pytest.mark.e2e, pytest.mark.promise("a")]
def test_1(): ...
@pytest.mark.timing
class TestThem:
    pytestmark = pytest.mark.promise("b")
    @pytest.mark.promise("c", "d")
    def test_2(self): ...
@pytest.mark.promise("e")
class TestOthers:
    def test_3(self): ...
def helper(): ...
"""
    found = {test: "".join(sorted(slugs)) for test, slugs in promises_of(ast.parse(module))}
    assert found == {"test_1": "a", "test_2": "abcd", "test_3": "ae"}


def test_every_module_of_scenarios_is_on_the_page() -> None:
    """A new module of fault tests cannot be forgotten."""
    text = reliability.page()
    for module in reliability.FAULTS.glob("test_*.py"):
        for row in reliability.rows(module):
            assert f"`{row.test}`" in text


def test_a_scenario_without_its_row_is_an_error(tmp_path: Path) -> None:
    """Whoever adds a scenario says what it shows."""
    module = tmp_path / "test_new.py"
    module.write_text("def test_new() -> None:\n    pass\n")
    with pytest.raises(ValueError, match="test_new has no @scenario"):
        list(reliability.rows(module))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_rule_that_is_taken_out_is_there(mutation: Mutation) -> None:
    """Its code is there once, and so is the test that misses it."""
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1
    module, *names = mutation.test.split("::")
    tests = (ROOT / module).read_text(encoding="utf-8")
    assert all(re.search(rf"(def|class) {name}\b", tests) for name in names)


def test_a_mutation_of_no_promise_is_an_error() -> None:
    """Whoever adds one says which promise is broken without the rule."""
    with pytest.raises(ValueError, match="new: nothing is no promise"):
        Mutation("new", "nothing", "file", "old", "new", "test")
