"""The wall clock is set while both services are at work."""

from __future__ import annotations

import re

import pytest

from common import decisions
from tests.support.ingest import PATIENT
from tests.support.pipeline import Pipeline
from tests.support.reckoning import assert_counters_reconcile, assert_nothing_lost, assert_recovers
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

STEPPED = ("-m", "tests.services.faults.stepped_clock")
HOUR_MS = 3_600_000


def hours_between_receipts(stage: Stage) -> float:
    """Return how far apart the records were received, by the clock of the ingest."""
    records = read_all(stage.brokers, stage.topic)
    times = [int(dict(record.headers)["received-at"]) for record in records]
    return (max(times) - min(times)) / HOUR_MS


@scenario(
    fault="The clock of the ingest is set back and forth by two hours",
    client="202",
    kept="Everything",
    recovery="None needed: deadlines are monotonic, and records carry the broker's time",
)
def test_the_clock_of_the_ingest_is_set_back_and_forth(stage: Stage) -> None:
    """Every request is accepted, and none took a negative time, or an hour."""
    ingest = stage.ingest(**PATIENT)
    ingest.program = (*STEPPED, "app")
    with ingest:
        ingest.wait_until_ready()
        with stage.load(ingest) as load:
            load.until_accepted(20)
            eventually(lambda: hours_between_receipts(stage) >= 4, "each setting", 60, 0.5)
        assert_recovers(ingest)
        assert_counters_reconcile(ingest, stage.ledger)
    assert len(stage.ledger.accepted) == len(stage.ledger)
    took = [line["latency_ms"] for line in ingest.log_lines() if line["event"] == "bid accepted"]
    assert 0 <= min(took) <= max(took) < 10_000
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


@scenario(
    fault="The clock of the bidding logic is set back and forth by two hours",
    client="Nothing",
    kept="Every request, decided once",
    recovery="None needed: budgets, sessions and pauses are monotonic",
)
def test_the_clock_of_the_bidding_logic_is_set_back_and_forth(pipeline: Pipeline) -> None:
    """Every request is decided on once, and nobody takes the process for stuck."""
    with pipeline.consumer(*STEPPED, "consumer") as consumer:
        consumer.wait_until_ready()
        sent = 0
        while hours_between_decisions(pipeline) < 4:
            pipeline.send(b'{"id":"r-%d","imp":[{"id":"1"}]}' % sent)
            sent += 1
            eventually(lambda: pipeline.committed() == sent, "the commit", 60)  # noqa: B023  at once
            assert consumer.get("/healthz")[0] == 200
        sums = consumer.get("/metrics")[1]
    decided = [decisions.read(record.value).request.id for record in pipeline.decided()]
    assert sorted(decided) == sorted(f"r-{number}" for number in range(sent))
    (seconds,) = re.findall(r"^consumer_end_to_end_seconds_sum (\S+)$", sums, re.MULTILINE)
    assert float(seconds) >= 0


def hours_between_decisions(pipeline: Pipeline) -> float:
    """Return how far apart the decisions were made, by the clock of the bidding logic."""
    times = [decisions.read(record.value).decided_at for record in pipeline.decided()]
    return (max(times) - min(times)) / HOUR_MS if times else 0
