"""The page on decisions, its examples, the schema beside it, and the reader that it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from common import decisions
from docs.decision_page import schema
from tests.support.pages import PAGES, blocks
from verification.project import ROOT

EXAMPLES = blocks("docs/decisions.md", "json")


@pytest.fixture
def offers() -> Callable[[bytes], list[tuple[str, float]]]:
    """Run the code of the page, and return its reader."""
    (reader,) = blocks("docs/decisions.md", "python")
    names: dict[str, Any] = {}
    exec(reader, names)  # noqa: S102  our own page
    found: Callable[[bytes], list[tuple[str, float]]] = names["offers"]
    return found


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_decision(example: str) -> None:
    """Each is valid by the schema, and read by the harness's reader."""
    Draft202012Validator(schema()).validate(json.loads(example))
    decisions.read(example.encode())


def test_the_schema_lets_members_come() -> None:
    """No object of it is closed: a reader that holds decisions to it goes on with later ones."""
    file = ROOT / "docs" / "decision-record.schema.json"
    assert "additionalProperties" not in file.read_text(encoding="utf-8")
    assert json.loads(file.read_text(encoding="utf-8")) == schema()


def test_every_member_is_described() -> None:
    """Each name in the schema has its line on the page."""
    members = {name for each in schema()["$defs"].values() for name in each["properties"]}
    lines = [line for line in PAGES["docs/decisions.md"].splitlines() if line.startswith("| `")]
    shown = {line.split("`")[1].rpartition(".")[2] for line in lines}
    assert shown == members


@pytest.mark.parametrize("later", [{}, {"later": {"x": 1}}])
def test_the_reader_on_the_page_reads(
    offers: Callable[[bytes], list[tuple[str, float]]], later: dict[str, object]
) -> None:
    """The code finds the offers, whatever members a decision has besides."""
    bid, no_bid = (json.dumps({**json.loads(text), **later}).encode() for text in EXAMPLES)
    assert offers(bid) == [("1", 0.25), ("2", 1.5)]
    assert offers(no_bid) == []


def test_the_reader_on_the_page_refuses_another_version(
    offers: Callable[[bytes], list[tuple[str, float]]],
) -> None:
    """It does as the page says, and does not guess."""
    with pytest.raises(ValueError, match="version 2"):
        offers(json.dumps({**json.loads(EXAMPLES[0]), "version": 2}).encode())
