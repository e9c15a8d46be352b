"""The generated part of docs/decisions.md, and the JSON Schema beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from common.decisions import VERSION, DecisionValue, FirstSeen
from consumer.bidding.decision import Bid, Bids, Decision, NoBid, NoBidReason
from consumer.bidding.decision_record import build_decision_record
from consumer.bidding.request import parse
from consumer.testing.samples import SampleRecord

PAGE = Path(__file__).parent / "decisions.md"
MARK = "<!-- From here on generated from common/decisions.py: `make docs`. -->\n"


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema (2020-12) of a decision; members that it does not name are allowed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:rtb-bid-pipeline:decision-record:{VERSION}",
        **msgspec.json.schema(DecisionValue),
    }


def schema_page() -> str:
    """Return docs/decision-record.schema.json."""
    return json.dumps(schema(), indent=2) + "\n"


def page() -> str:
    """Return docs/decisions.md as it stands up to the mark, with what is generated after it."""
    written = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    table = "| member | type | there | what it is |\n| --- | --- | --- | --- |\n"
    rows = "".join(_rows("", schema()))
    bid = _example(Bids((Bid("1", 0.25, "ad-1"), Bid("2", 1.5, "ad-2")), "EUR"))
    no_bid = _example(NoBid(NoBidReason.NON_HUMAN), FirstSeen(3, 1041))
    again = "No bid, on a request whose id had come before"
    shown = f"\nA bid:\n\n{bid}\n{again}:\n\n{no_bid}"
    return f"{written}{MARK}\n## Members\n\n{table}{rows}\n## Examples\n{shown}"


def _example(decision: Decision, original: FirstSeen | None = None) -> str:
    value = b'{"id":"r-7"}'
    record = SampleRecord(1042, value, partition=3)
    made = build_decision_record(
        record, parse(value), decision, "ours", 1_767_323_045_123, first_seen=original
    )
    return f"```json\n{msgspec.json.format(made.value, indent=2).decode()}\n```\n"


def _rows(path: str, described: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line of the table for each member, those of an object after it."""
    found = _resolve(described)
    for name, member in found.get("properties", {}).items():
        inner = _resolve(member)
        always = "always" if name in found["required"] else "where it applies"
        words = member.get("description") or inner["description"]
        yield f"| `{path}{name}` | {_type(inner)} | {always} | {words} |\n"
        yield from _rows(f"{path}{name}.", inner)
        yield from _rows(f"{path}{name}[].", inner.get("items", {}))


def _resolve(described: Mapping[str, Any]) -> Mapping[str, Any]:
    _, _, name = described.get("$ref", "").rpartition("/")
    found: Mapping[str, Any] = schema()["$defs"][name] if name else described
    return found


def _type(described: Mapping[str, Any]) -> str:
    return " or ".join(f"`{value}`" for value in described.get("enum", ())) or described["type"]
