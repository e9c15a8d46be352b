"""Between the ingest and Kafka: what networks do, and what becomes of bid requests then."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import psutil
import pytest

from tests.support.fault_proxy import PRODUCE, Fault, FaultProxy, Times, Way
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.reckoning import at_work, in_flight
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.timing,
    pytest.mark.promise("acknowledged", "explicit", "recovers"),
]

MIB = 1024 * 1024
SLOW = {
    "500 ms late": Fault(delay_s=0.5, jitter_s=0.1),
    "in pieces of 7 bytes": Fault(piece_bytes=7),
}
SILENCE = {"5 s late": Fault(delay_s=5), "a black hole": Fault(black_hole=True)}


def break_at_a_record(way: Way, proxy: FaultProxy) -> None:
    """Cut the connection that the next record goes over, or its acknowledgement."""
    cut = Times(way, PRODUCE)
    proxy.inject(Fault(cut=cut))
    eventually(lambda: cut.done, "the cut")


BREAKS: dict[str, Callable[[FaultProxy], None]] = {
    "before Kafka has a record": partial(break_at_a_record, Way.REQUEST),
    "after Kafka has a record": partial(break_at_a_record, Way.RESPONSE),
    "all at once": FaultProxy.reset,
}


@scenario(
    "Kafka away for less than the publish deadline",
    client="202, later than usual",
    recovery="The producer connects again",
)
def test_away_for_less_than_the_deadline_is_not_noticed(stage: Stage) -> None:
    """Requests wait for Kafka to come back, and every one of them is accepted."""
    with at_work(stage, PATIENT) as (ingest, load):
        load.until_accepted(20)
        stage.proxy.go_away()
        eventually(lambda: in_flight(ingest) >= 4, "all clients to wait")
        stage.proxy.come_back()
        load.until_accepted(20)
    assert len(stage.ledger.accepted) == len(stage.ledger)


@scenario(
    "Kafka away for longer than the publish deadline",
    client="503 after the deadline, then 503 at once",
    kept="What was accepted; of the rest only `unknown` may be there",
    recovery="The producer is replaced when Kafka is back",
)
def test_away_for_longer_is_503_and_then_over(stage: Stage) -> None:
    """The first wait for their deadline, the others are refused at once, then all is well."""
    with at_work(stage) as (ingest, load):
        load.until_accepted(20)
        stage.proxy.go_away()
        load.until_not_accepted(200)
        assert ingest.get("/healthz").status == 200
        assert ingest.get_admin("/readyz").json["reasons"][0].startswith("kafka: ")
        stage.proxy.come_back()
        load.until_accepted(50)


@pytest.mark.promise("bounded")
@scenario(
    "Kafka away under full load",
    client="503 at once",
    recovery="As above; memory stays within 50 MiB",
)
def test_away_under_full_load_costs_no_memory(stage: Stage, pytestconfig: pytest.Config) -> None:
    """Five thousand refused requests, or --away=300 seconds of them, cost less than 50 MiB."""
    with at_work(stage, clients=16) as (ingest, load):
        load.until_accepted(500)
        before = rss(ingest)
        stage.proxy.go_away()
        back = time.monotonic() + pytestconfig.getoption("--away")
        load.until_not_accepted(5_000, within_s=60)
        time.sleep(max(back - time.monotonic(), 0))
        grown = rss(ingest) - before
        stage.proxy.come_back()
        load.until_accepted(50)
    assert grown < 50 * MIB


def rss(ingest: IngestProcess) -> int:
    """Return the bytes of memory that the workers hold."""
    return sum(psutil.Process(pid).memory_info().rss for pid in ingest.worker_pids())


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
@scenario("Kafka 500 ms slower, or in slices of 7 bytes", client="202, later than usual")
def test_slower_than_usual_is_accepted_later(stage: Stage, fault: Fault) -> None:
    """Within the deadline a slow acknowledgement is an acknowledgement."""
    with at_work(stage, PATIENT) as (_, load):
        stage.proxy.inject(fault)
        load.until_accepted(20)
    assert len(stage.ledger.accepted) == len(stage.ledger)


@scenario(
    "A link to Kafka that carries a fraction of the load",
    client="202 as far as the link goes, 503 for the rest",
    kept="What was accepted; of the rest only `unknown` may be there",
    recovery="By itself, once the link carries the load again",
)
def test_a_narrow_link(stage: Stage) -> None:
    """A link that is too narrow for the load costs answers, and no accepted request."""
    with at_work(stage, clients=8) as (_, load):
        load.until_accepted(50)
        stage.proxy.inject(Fault(bytes_per_s=2_000))
        load.until_not_accepted(20)
        stage.proxy.heal()
        load.until_accepted(50)


@pytest.mark.parametrize("fault", SILENCE.values(), ids=SILENCE)
@scenario(
    "Kafka 5 s slower, or a black hole",
    client="503 with `unknown` for what was sent, `none` for what was not",
    kept="What was accepted; of the rest only `unknown` may be there",
    recovery="The producer is replaced when Kafka answers",
)
def test_silence_is_503_with_an_unknown_delivery_and_then_over(stage: Stage, fault: Fault) -> None:
    """What was sent into the silence is `unknown`, what was not is `none`; then all is well."""
    with at_work(stage) as (ingest, load):
        load.until_accepted(20)
        stage.proxy.inject(fault)
        load.until_not_accepted(100)
        assert ingest.get("/healthz").status == 200
        stage.proxy.heal()
        load.until_accepted(50)
    assert stage.ledger.unknown
    assert stage.ledger.refused


@pytest.mark.parametrize("break_", BREAKS.values(), ids=BREAKS)
@scenario(
    "A connection breaks before or after Kafka has the record, or all do; ten times",
    client="202",
    kept="Everything, once",
    recovery="The producer sends again; Kafka drops the duplicate",
)
def test_a_connection_that_breaks_is_made_up_for(
    stage: Stage, break_: Callable[[FaultProxy], None]
) -> None:
    """Before Kafka has it or after: the record is sent again, and is there once."""
    with at_work(stage, PATIENT) as (_, load):
        for _ in range(10):
            load.until_accepted(10)
            break_(stage.proxy)
        load.until_accepted(20)
    assert len(stage.ledger.accepted) == len(stage.ledger)
