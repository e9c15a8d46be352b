"""The wall clock is set while both services are at work."""

from __future__ import annotations

import pytest

from common import decisions
from tests.services.faults.altered import CLOCK, altered
from tests.services.records import decided, ids
from tests.support.ingest import PATIENT
from tests.support.pipeline import Pipeline
from tests.support.reckoning import at_work
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("acknowledged")]

HOUR_MS = 3_600_000


def hours_between(times: list[int]) -> float:
    """Return how far apart the first and the last are, 0 where there are none."""
    return (max(times) - min(times)) / HOUR_MS if times else 0


@scenario(
    "The clock of the ingest is set back and forth by two hours",
    client="202",
    recovery="None needed: deadlines are monotonic, and records carry the broker's time",
)
def test_the_clock_of_the_ingest_is_set_back_and_forth(stage: Stage) -> None:
    """Every request is accepted, and none took a negative time, or an hour."""

    def received() -> list[int]:
        records = read_all(stage.brokers, stage.topic)
        return [int(dict(record.headers)["received-at"]) for record in records]

    with at_work(stage, PATIENT, program=altered(CLOCK, "app")) as (ingest, load):
        load.until_accepted(20)
        eventually(lambda: hours_between(received()) >= 4, "each setting", 60, 0.5)
    assert len(stage.ledger.accepted) == len(stage.ledger)
    took = [line["latency_ms"] for line in ingest.log_lines() if line["event"] == "bid accepted"]
    assert 0 <= min(took) <= max(took) < 10_000


@pytest.mark.promise("never-lost")
@scenario(
    "The clock of the bidding logic is set back and forth by two hours",
    kept="Every request, decided once",
    recovery="None needed: budgets, sessions and pauses are monotonic",
)
def test_the_clock_of_the_bidding_logic_is_set_back_and_forth(pipeline: Pipeline) -> None:
    """Every request is decided on once, and nobody takes the process for stuck."""

    def made() -> list[int]:
        return [decisions.read(record.value).decided_at for record in pipeline.decided()]

    with pipeline.consumer(*altered(CLOCK)) as consumer:
        consumer.wait_until_ready()
        sent = 0
        while hours_between(made()) < 4:
            pipeline.send(b'{"id":"r-%d","imp":[{"id":"1"}]}' % sent)
            sent += 1
            eventually(lambda: pipeline.committed() == sent, "the commit", 60)  # noqa: B023  at once
            assert consumer.get("/healthz")[0] == 200
        assert all(x >= 0 for x in consumer.samples("consumer_end_to_end_seconds_sum"))
    assert decided(pipeline) == dict.fromkeys(ids(sent), 1)
