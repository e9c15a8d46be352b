"""The generated part of docs/validation.md: the table of rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from app.openrtb import bid_request
from docs.rules import Rule, all_rules

PAGE = Path(__file__).parent / "validation.md"
MARK = "<!-- From here on generated from the schemas: `make docs`. -->\n"


def page() -> str:
    """Return docs/validation.md as it stands up to the mark, with the current table after it."""
    written = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return f"{written}{MARK}{''.join(_tables())}"


def _tables() -> Iterator[str]:
    for place, rules in groupby(all_rules(bid_request()), key=lambda rule: rule.place):
        name = type(place.schema).__name__
        where = f"`{place.path}`" if place.path else "the request"
        yield f"\n### {name}\n\nSection {place.schema.section}, for instance {where}.\n\n"
        yield "| at | rule | what it says | passes | fails |\n| --- | --- | --- | --- | --- |\n"
        yield from map(_line, rules)


def _line(rule: Rule) -> str:
    at = rule.path.removeprefix(rule.place.path).lstrip(".") if rule.path is not None else ""
    name = f"`{rule.name}`" if rule.path is not None else f"`{rule.name}` (soft)"
    examples = (json.dumps(each, ensure_ascii=False) for each in (rule.passes, rule.fails))
    cells = (f"`{at}`" if at else "", name, rule.message, *(f"`{each}`" for each in examples))
    return f"| {' | '.join(cells)} |\n"
