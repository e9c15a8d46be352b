"""docs/reliability.md: what happens under which fault, and what cannot, out of their tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

from tests.mutations.mutations import MUTATIONS
from tests.support.scenario import scenario

FAULTS = Path(__file__).parents[1] / "tests" / "services" / "faults"
_HEADINGS = {
    "test_hostile_clients": "Clients",
    "test_hostile_crowds": "Crowds of clients",
    "test_broken_network": "The network between the ingest and Kafka",
    "test_broker_trouble": "Kafka itself",
    "test_reasons": "A Kafka that is not reached, or refuses, and what both services say of it",
    "test_replicas": "Replicas, leaders, coordinators",
    "test_dying_ingest": "The ingest's processes",
    "test_consumer_trouble": "The bidding logic",
    "test_rounds": "The bidding logic with slow strategies and sinks",
    "test_unreadable": "Records that cannot be read",
    "test_positions": "Where the bidding logic begins and goes on",
    "test_exactly_once": "The bidding logic with `PROCESSING_GUARANTEE=exactly_once`",
    "test_dead_letters": "Dead letters",
    "test_clock": "The clock",
}
_INTRODUCTION = """\
# Reliability

A 2xx means that all in-sync replicas have acknowledged the record. What was accepted is processed,
as long as the disk of one of them survives and it is read within the topic's retention
([how far that goes](phases/01-core-pipeline.md#how-far-that-goes)); nothing is dropped in silence.
Each row below is a test in `tests/services/faults/` that breaks something while real clients post
to the real processes in front of a real Kafka, and then reads the topics to their end. Run them
with `make faults`.

Every scenario with a ledger asserts that no accepted bid request is missing, that none that was
refused for certain is there, that none is there twice, and that the ingest's counters and the
clients' own books agree: received = accepted + refused + unknown. Those on the network and on Kafka
also assert that every request was answered. What they tell of time is an order of events: clients
get their 503 while Kafka is still away, others are served while slow ones are still connected. No
scenario measures seconds, so that none depends on a quick machine: `make stress` runs them while
all processes of a test stand still at random for seconds. That deadlines are kept is tested on a
clock that the test moves (`tests/unit`); how late an answer is after the publish deadline on a
machine that has nothing else to do, at most 100 ms, is measured by `make bench`
([performance](performance.md)).

`none` and `unknown` are values of `delivery` in a 503: the record is certainly not on the topic, or
it may be, and a client that tries again should send the same id.
"""
_KINDS = """\
## What no client and no setting can do to the ingest

Each row is a kind of fault, the rule without which it would be there, and a test that is red when
the rule is taken out of the code: `make mutations` takes out one after the other.

| without the rule | the rule | red without it |
| --- | --- | --- |
"""


@dataclass(frozen=True)
class Row:
    """One scenario; `test` is the name that proves it."""

    fault: str
    client: str
    kept: str
    recovery: str
    test: str


def rows(module: Path) -> Iterator[Row]:
    """Yield the scenarios of a test module; raise ValueError at a test that is none."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield Row(**_told(node), test=node.name)


def _told(test: ast.FunctionDef) -> dict[str, str]:
    for decorator in test.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="scenario"), args=given, keywords=keywords):
                named = {str(word.arg): ast.literal_eval(word.value) for word in keywords}
                row = signature(scenario).bind(*map(ast.literal_eval, given), **named)
                row.apply_defaults()
                return row.arguments
    raise ValueError(f"{test.name} has no @scenario(...)")


def page() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION]
    for module, heading in _HEADINGS.items():
        table = ["| fault | what the client sees | what is kept | how it recovers | test |"]
        table += ["| --- | --- | --- | --- | --- |"]
        table += [
            f"| {row.fault} | {row.client} | {row.kept} | {row.recovery} | `{row.test}` |"
            for row in rows(FAULTS / f"{module}.py")
        ]
        parts.append("\n".join([f"## {heading}", "", *table, ""]))
    return "\n".join([*parts, _kinds()])


def _kinds() -> str:
    return _KINDS + "".join(
        f"| {each.fault} | {each.rule} | `{each.test.rpartition('::')[2]}` |\n"
        for each in MUTATIONS
        if each.fault
    )
