"""Whatever is decided: written by the published schema, and read by it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from common import decisions
from common.decisions import FirstSeen
from consumer.bidding.decision import Bid, Bids, Decision, NoBid, NoBidReason
from consumer.bidding.decision_record import DecisionRecord, build_decision_record
from consumer.bidding.request import parse
from consumer.testing.samples import SampleRecord
from verification.project import ROOT

pytestmark = pytest.mark.promise("documented")

SCHEMA = json.loads((ROOT / "docs" / "decision-record.schema.json").read_text(encoding="utf-8"))
Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = Draft202012Validator(SCHEMA)

text = st.text(st.characters(codec="utf-8"), max_size=12)
positions = st.integers(0, 2**63 - 1)
prices = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 10**9)
bids = st.lists(st.builds(Bid, text, prices, text), min_size=1, max_size=4).map(tuple)
no_bids = st.builds(NoBid, st.sampled_from(NoBidReason))
anything = st.none() | st.integers(-2, 2) | text | st.lists(st.integers(), max_size=1)


@st.composite
def made(draw: st.DrawFn) -> DecisionRecord:
    """Draw a decision in its final form."""
    value = json.dumps({"id": draw(text.filter(bool))}).encode()
    record = SampleRecord(draw(positions), value, topic=draw(text), partition=draw(positions))
    decision: Decision = draw(st.builds(Bids, bids, text) | no_bids)
    original = draw(st.none() | st.builds(FirstSeen, positions, positions))
    now_ms = draw(st.integers(0, 10**13))
    return build_decision_record(
        record, parse(value), decision, draw(text), now_ms, first_seen=original
    )


@given(made())
def test_each_decision_is_written_by_its_schema(outcome: DecisionRecord) -> None:
    """What is written is valid, begins with its version, and reads as what was decided."""
    VALIDATOR.validate(json.loads(outcome.value))
    assert outcome.value.startswith(b'{"version":1,"request":{"id":')
    read = decisions.read(outcome.value)
    assert read.response.outcome == outcome.outcome
    assert (read.request.id, read.request.offset) == (outcome.request.id, outcome.record.offset)


def objects_in(document: Any) -> list[dict[str, Any]]:  # noqa: ANN401  JSON
    """Return each object of a document, itself included."""
    inner = document.values() if isinstance(document, dict) else document
    found = [each for one in inner if isinstance(one, dict | list) for each in objects_in(one)]
    return [document, *found] if isinstance(document, dict) else found


@given(made(), st.data())
def test_a_reader_takes_what_the_schema_allows(
    outcome: DecisionRecord, data: st.DataObject
) -> None:
    """However a decision is changed, the reader and the schema are of one opinion on it."""
    document = json.loads(outcome.value)
    changed = data.draw(st.sampled_from(objects_in(document)))
    name = data.draw(st.sampled_from([*changed, "nbr", "seatbid", "cur", "later"]))
    if data.draw(st.booleans()):
        changed[name] = data.draw(anything)
    else:
        changed.pop(name, None)
    taken = False
    with suppress(ValueError):
        decisions.read(json.dumps(document).encode())
        taken = True
    assert taken == VALIDATOR.is_valid(document), document
