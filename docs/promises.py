"""docs/promises.md: each promise with what proves it, read out of the tests and not run."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.mutations.mutations import MUTATIONS
from verification.checklist.registry import CHECKS
from verification.project import ROOT
from verification.promises import PROMISES

# by folder of tests/, from the lowest upwards
LEVELS = {
    "unit": ("unit",),
    "property": ("property",),
    "services": ("services",),
    "run": ("run", "report"),
    "kubernetes": ("kubernetes",),
}
CHECK, MUTATION = "check", "mutation"
_INTRODUCTION = """\
# Promises

What this product promises, and how many tests, checks of `make verify` (`check`) and rules that
`make mutations` takes out of the code (`mutation`) prove it. A test says itself which promise it
proves, by `pytest.mark.promise`; the promises are in `verification/promises.py`. A test that proves
two counts twice.

"""

Proofs = dict[str, Counter[str]]


def promises_of(
    scope: ast.Module | ast.ClassDef, outer: frozenset[str] = frozenset()
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each test function of a module with the promises that it is marked with."""
    set_here = [node for node in scope.body if isinstance(node, ast.Assign)]
    marks = [node.value for node in set_here if ast.unparse(node.targets[0]) == "pytestmark"]
    here = outer.union(*map(_marks, marks))
    for node in scope.body:
        if isinstance(node, ast.ClassDef):
            yield from promises_of(node, here.union(*map(_marks, node.decorator_list)))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, here.union(*map(_marks, node.decorator_list))


def _marks(expression: ast.expr) -> frozenset[str]:
    """Return the promises in a mark, or in a list of marks."""
    return frozenset(
        str(ast.literal_eval(word))
        for node in ast.walk(expression)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise"
        for word in node.args
    )


def marked(level: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield each test function of a level: its file, its name, and its promises."""
    for folder in LEVELS[level]:
        for file in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
            for test, slugs in promises_of(ast.parse(file.read_text(encoding="utf-8"))):
                yield file.relative_to(ROOT).as_posix(), test, slugs


@cache
def proofs() -> dict[str, Proofs]:
    """Return how many proofs there are, by promise, by level, and by file or id."""
    found: dict[str, Proofs] = {slug: {} for slug in PROMISES}
    for level in LEVELS:
        for file, _, slugs in marked(level):
            for slug in slugs & PROMISES.keys():
                found[slug].setdefault(level, Counter())[file] += 1
    for check in CHECKS:
        if (slug := getattr(check, "promise", "")) in PROMISES:
            found[slug].setdefault(CHECK, Counter())[check.id] += 1
    for mutation in MUTATIONS:
        found[mutation.promise].setdefault(MUTATION, Counter())[mutation.name] += 1
    return found


def page() -> str:
    """Return the whole page."""
    levels = (*LEVELS, CHECK, MUTATION)
    lines = [f"| promise | {' | '.join(levels)} |", f"| --- |{' ---: |' * len(levels)}"]
    sections = []
    for slug, levels_of in proofs().items():
        counts = [str(levels_of.get(level, Counter()).total() or "") for level in levels]
        lines.append(f"| [{PROMISES[slug]}](#{slug}) | {' | '.join(counts)} |")
        rows = [_row(level, levels_of[level]) for level in levels if level in levels_of]
        sections.append("".join([f"\n## {slug}\n\n{PROMISES[slug]}\n\n", *rows]))
    return _INTRODUCTION + "\n".join(lines) + "\n" + "".join(sections)


def _row(level: str, names: Counter[str]) -> str:
    if level in LEVELS:
        shown = [f"[{Path(file).name}](../{file}) ({names[file]})" for file in names]
    else:
        shown = [f"`{name}`" for name in names]
    return f"- {level}, {names.total()}: {', '.join(shown)}\n"
