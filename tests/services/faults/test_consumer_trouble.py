"""The bidding logic under faults: every accepted request is decided on, and nothing is skipped."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack

import pytest

from tests.services.faults.altered import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    BEFORE_EFFECTS,
    FORGETS,
    altered,
)
from tests.services.records import decided, each_guarantee, ids, requests, spread
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("never-lost")]

POISON = {
    "not-json": b"\x00\xff{not json\xc3",
    "not-an-object": b"[1]",
    "no-id": b'{"id":7}',
    "strategy-timeout": b'{"id":"hang"}',
}


@pytest.mark.parametrize(
    ("point", "again"), [(BEFORE_EFFECTS, 0), (BEFORE_COMMIT, 20), (AFTER_COMMIT, 0)]
)
@scenario(
    "The bidding logic is killed before effects, before commit, or after commit",
    kept="Every request; decisions before the commit come twice",
    recovery="Its successor goes on at the committed offset",
)
def test_killed_at_a_step_of_a_batch(pipeline: Pipeline, point: str, again: int) -> None:
    """Before the effects and after the commit nothing is decided twice, in between all is."""
    pipeline.send(*requests(20))
    with pipeline.consumer(*altered(point), name="killed") as killed:
        assert killed.process.wait(timeout=60) == -signal.SIGKILL
    with pipeline.consumer(name="successor"):
        eventually(lambda: pipeline.committed() == 20, "the successor's commit", 60)
    times = decided(pipeline)
    assert times.keys() == ids(20)
    assert times.total() == 20 + again


@scenario(
    "A member is stopped for longer than its session",
    recovery="Another member takes over; the first joins again",
)
def test_stopped_for_longer_than_the_session(pipeline: Pipeline) -> None:
    """Another member takes over, and the one that was stopped goes on as one of the group."""
    with pipeline.consumer(name="stopped") as stopped, pipeline.consumer(name="other") as other:
        for member in (stopped, other):
            member.wait_until_ready()
        stopped.process.send_signal(signal.SIGSTOP)
        spread(pipeline, 30, "during")
        eventually(lambda: pipeline.committed() == 30, "the other one's commits", 60)
        stopped.process.send_signal(signal.SIGCONT)
        stopped.wait_until_ready()
        spread(pipeline, 30, "after")
        eventually(lambda: pipeline.committed() == 60, "all commits", 60)
    assert decided(pipeline).keys() == ids(30, "during") | ids(30, "after")


@pytest.mark.promise("record-isolation")
@scenario(
    "The Kafka client no longer fetches one of its partitions",
    recovery="Liveness fails and names the partition; a new process reads it",
)
def test_a_partition_that_is_no_longer_fetched(pipeline: Pipeline) -> None:
    """The others go on, the process asks to be started anew, and its successor catches up."""
    told = {
        "/healthz": "partition 0: at offset ",
        "/readyz": "partition 0: at offset ",
        "/metrics": "consumer_stuck_partitions 1.0",
    }
    with pipeline.consumer(*altered(FORGETS), CONSUMER_PROGRESS_TIMEOUT_MS="1000") as stuck:
        stuck.wait_until_ready()
        spread(pipeline, 30, "first")
        eventually(pipeline.committed, "the end of the first poll", 60)
        spread(pipeline, 30, "then")
        eventually(lambda: stuck.get("/healthz")[0] == 503, "the watchdog", 60)
        eventually(
            lambda: all(text in stuck.get(path)[1] for path, text in told.items()),
            "partition 0 alone to be stuck",
            60,
        )
        others = pipeline.committed()
    assert 0 < others < 60
    with pipeline.consumer(name="successor") as successor:
        eventually(lambda: pipeline.committed() == 60, "the successor's commits", 60)
        assert successor.get("/healthz")[0] == 200
    assert decided(pipeline) == dict.fromkeys(ids(30, "first") | ids(30, "then"), 1)


@scenario("Members come and go", recovery="Cooperative rebalances")
def test_a_rebalance_storm(pipeline: Pipeline) -> None:
    """Members that come, take their share and go cost no request."""
    with pipeline.consumer(name="steady") as steady:
        steady.wait_until_ready()
        for turn in range(6):
            with ExitStack() as stack:
                guest = stack.enter_context(pipeline.consumer(name=f"guest-{turn}"))
                spread(pipeline, 10, f"turn-{turn}")
                eventually(lambda: guest.samples("consumer_assigned_partitions")[0], "a share", 60)  # noqa: B023  at once
                spread(pipeline, 10, f"shared-{turn}")
        eventually(lambda: pipeline.committed() == 120, "all commits", 60)
    assert len(decided(pipeline)) == 120


@pytest.mark.promise("record-isolation")
@pytest.mark.parametrize(("reason", "poison"), POISON.items(), ids=POISON)
@scenario(
    "Poison: not JSON, no object, no id, a strategy that hangs",
    kept="Bytes, key and headers, as a dead letter",
    recovery="`bid_requests.dlq` keeps it for a person",
)
def test_poison_is_kept_and_passed_by(pipeline: Pipeline, reason: str, poison: bytes) -> None:
    """Bytes, key and place go to the dead letters, and the request behind it is decided on."""
    with pipeline.consumer(
        BIDDING_STRATEGY="tests.support.fakes.hanging_strategy:Hanging",
        CONSUMER_STRATEGY_TIMEOUT_MS="4000",  # by the clock, which the other request needs too
    ) as consumer:
        consumer.wait_until_ready()
        sent, _ = pipeline.send(poison, *requests(1), key=b"\xfe")
        eventually(lambda: pipeline.committed() == 2, "both commits", 60)
        assert consumer.samples("consumer_dead_letters_total", reason=reason) == [1]
    (letter,) = pipeline.given_up()
    told = dict(letter.headers)
    assert (letter.value, letter.key, told["dlq-reason"]) == (poison, b"\xfe", reason.encode())
    assert (told["dlq-topic"], told["dlq-offset"]) == (sent.topic.encode(), b"%d" % sent.offset)
    assert told["received-at"].isdigit()
    assert decided(pipeline) == {"r-0": 1}


@scenario(
    "More dead letters in a row than allowed",
    kept="Everything: the rest stays on the topic",
    recovery="A person, whom the error tells why",
)
def test_too_many_dead_letters_stop_it(pipeline: Pipeline) -> None:
    """It ends with an error that says why, and most of the topic is where it was."""
    pipeline.send(*[b"{"] * 50)
    few = {"CONSUMER_DLQ_MAX_CONSECUTIVE": "10", "CONSUMER_MAX_POLL_RECORDS": "5"}
    with pipeline.consumer(**few) as consumer:
        assert consumer.process.wait(timeout=60) == 1
        (line,) = consumer.logged("stopped: too many dead letters")
    assert "11 records in a row" in line["error"]
    assert pipeline.committed() == len(pipeline.given_up()) == 10


@pytest.mark.promise("record-isolation")
@each_guarantee
@scenario(
    "A sink takes a second for each decision, and is not waited for",
    kept="Every request and its decision; what the sink's queue cannot hold is counted",
    recovery="By itself, as fast as the sink is",
)
def test_a_slow_sink_stalls_nothing(pipeline: Pipeline, guarantee: dict[str, str]) -> None:
    """All is decided and committed long before it would be done, and its counts add up."""
    with pipeline.consumer(
        CONSUMER_SINKS="kafka,tests.support.fakes.troubled_sinks:Sluggish",
        CONSUMER_SINK_QUEUE="10",
        **guarantee,
    ) as consumer:
        consumer.wait_until_ready()
        begun = time.monotonic()
        spread(pipeline, 300)
        eventually(lambda: pipeline.committed() == 300, "all commits", 60)
        assert consumer.get("/readyz")[0] == 200
        dropped, waiting, _ = eventually(
            lambda: of_the_sink(consumer), "all to be counted", until=lambda all_: sum(all_) == 300
        )
        took_s = time.monotonic() - begun
        assert consumer.logged("sink drops decisions")
    assert waiting <= 10
    assert dropped >= 300 - 10 - took_s  # all but its queue, and one for each second
    assert decided(pipeline) == dict.fromkeys(ids(300), 1)


def of_the_sink(consumer: ConsumerProcess) -> tuple[float, ...]:
    """Return what became of its decisions: dropped, waiting, delivered; the last come late."""
    sink = {"sink": "sluggish"}
    return (
        sum(consumer.samples("consumer_sink_drops_total", reason="full", **sink)),
        sum(consumer.samples("consumer_sink_queued_decisions", **sink)),
        sum(consumer.samples("consumer_sink_delivered_total", **sink)),
    )


@each_guarantee
@scenario(
    "A sink that is waited for is away",
    kept="Every request: none is committed without its decision in that sink",
    recovery="By itself, once the sink is back",
)
def test_a_sink_that_is_waited_for_holds_its_partitions(
    pipeline: Pipeline, guarantee: dict[str, str]
) -> None:
    """Nothing is committed meanwhile, the reason is shown, and nothing is missing then."""
    path = pipeline.logs / "decisions"
    sinks = "kafka,tests.support.fakes.troubled_sinks:Switched"
    with pipeline.consumer(
        CONSUMER_SINKS=sinks,
        CONSUMER_DURABLE_SINKS=sinks,
        CONSUMER_RETRY_BACKOFF_MAX_MS="500",
        CONSUMER_PROGRESS_TIMEOUT_MS="1000",
        SWITCHED_SINK=str(path),
        **guarantee,
    ) as consumer:
        consumer.wait_until_ready()
        spread(pipeline, 30)
        eventually(lambda: consumer.retries("sinks") > 4, "retries", 60)
        assert "sinks: switched: switched off" in consumer.get("/readyz")[1]
        assert consumer.get("/healthz")[0] == 200
        assert pipeline.committed() == 0
        path.touch()
        eventually(lambda: pipeline.committed() == 30, "all commits", 60)
    written = [json.loads(line)["request"]["id"] for line in path.read_text().splitlines()]
    assert {*written} == decided(pipeline).keys() == ids(30)
