"""The bidding logic under faults: every accepted request is decided on, and nothing is skipped."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from common import decisions
from tests.services.faults.doomed_consumer import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    BEFORE_EFFECTS,
    FORGETS,
)
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.topics import create_topic, delete_topic
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

DOOMED = ("-m", "tests.services.faults.doomed_consumer")


def requests(count: int, prefix: str = "r") -> list[bytes]:
    """Return bid requests with ids of their own."""
    return [b'{"id":"%s-%d","imp":[{"id":"1"}]}' % (prefix.encode(), n) for n in range(count)]


def decided(pipeline: Pipeline) -> Counter[str]:
    """Return how often each id was decided on."""
    return Counter(decisions.read(record.value).request.id for record in pipeline.decided())


def spread(pipeline: Pipeline, count: int, prefix: str = "r") -> None:
    """Send requests over all partitions."""
    pipeline.send_each((b"%d" % n, value) for n, value in enumerate(requests(count, prefix)))


def sample(metrics: str, name: str) -> float:
    """Return the value of one sample of a metrics page, 0 where it is not there."""
    found = [line.split()[-1] for line in metrics.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else 0


def books(consumer: ConsumerProcess, decisions: int) -> tuple[float, ...]:
    """Return what became of a sluggish sink's decisions: dropped, waiting, delivered.

    Nothing as long as they are not as many as were made: the last are counted after their commit.
    """
    metrics = consumer.get("/metrics")[1]
    names = (
        'consumer_sink_drops_total{reason="full",sink="sluggish"}',
        'consumer_sink_queued_decisions{sink="sluggish"}',
        'consumer_sink_delivered_total{sink="sluggish"}',
    )
    found = tuple(sample(metrics, name) for name in names)
    return found if sum(found) == decisions else ()


class TestKilled:
    """Kill -9 at each step of a batch."""

    @pytest.mark.parametrize(
        ("point", "again"), [(BEFORE_EFFECTS, 0), (BEFORE_COMMIT, 20), (AFTER_COMMIT, 0)]
    )
    @scenario(
        fault="The bidding logic is killed before effects, before commit, or after commit",
        client="Nothing",
        kept="Every request; decisions before the commit come twice",
        recovery="Its successor goes on at the committed offset",
    )
    def test_killed_at_a_step_of_a_batch(self, pipeline: Pipeline, point: str, again: int) -> None:
        """Before the effects and after the commit nothing is decided twice, in between all is."""
        pipeline.send(*requests(20))
        with pipeline.consumer(*DOOMED, point, name="killed") as killed:
            assert killed.process.wait(timeout=60) == -signal.SIGKILL
        with pipeline.consumer(name="successor"):
            eventually(lambda: pipeline.committed() == 20, "the successor's commit", 60)
        times = decided(pipeline)
        assert times.keys() == {f"r-{number}" for number in range(20)}
        assert times.total() == 20 + again


class TestGroup:
    """Members that vanish, come back, come and go."""

    @scenario(
        fault="A member is stopped for longer than its session",
        client="Nothing",
        kept="Every request",
        recovery="Another member takes over; the first joins again",
    )
    def test_stopped_for_longer_than_the_session(self, pipeline: Pipeline) -> None:
        """Another member takes over, and the one that was stopped goes on as one of the group."""
        with (
            pipeline.consumer(name="stopped") as stopped,
            pipeline.consumer(name="other") as other,
        ):
            for member in (stopped, other):
                member.wait_until_ready()
            stopped.process.send_signal(signal.SIGSTOP)
            spread(pipeline, 30, "during")
            eventually(lambda: pipeline.committed() == 30, "the other one's commits", 60)
            stopped.process.send_signal(signal.SIGCONT)
            stopped.wait_until_ready()
            spread(pipeline, 30, "after")
            eventually(lambda: pipeline.committed() == 60, "all commits", 60)
        assert len(decided(pipeline)) == 60

    @scenario(
        fault="The Kafka client no longer fetches one of its partitions",
        client="Nothing",
        kept="Every request",
        recovery="Liveness fails and names the partition; a new process reads it",
    )
    def test_a_partition_that_is_no_longer_fetched(self, pipeline: Pipeline) -> None:
        """The others go on, the process asks to be started anew, and its successor catches up."""
        with pipeline.consumer(*DOOMED, FORGETS, CONSUMER_PROGRESS_TIMEOUT_MS="1000") as stuck:
            stuck.wait_until_ready()
            spread(pipeline, 30, "first")
            eventually(pipeline.committed, "the end of the first poll", 60)
            spread(pipeline, 30, "then")
            eventually(lambda: stuck.get("/healthz")[0] == 503, "the watchdog", 60)
            told = {
                "/healthz": "partition 0: at offset ",
                "/readyz": "partition 0: at offset ",
                "/metrics": "consumer_stuck_partitions 1.0",
            }
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
        ids = [f"{wave}-{number}" for wave in ("first", "then") for number in range(30)]
        assert decided(pipeline) == dict.fromkeys(ids, 1)

    @scenario(
        fault="Members come and go",
        client="Nothing",
        kept="Every request",
        recovery="Cooperative rebalances",
    )
    def test_a_rebalance_storm(self, pipeline: Pipeline) -> None:
        """Members that come and go six times cost no request."""
        with pipeline.consumer(name="steady") as steady:
            steady.wait_until_ready()
            for turn in range(6):
                with ExitStack() as stack:
                    guest = stack.enter_context(pipeline.consumer(name=f"guest-{turn}"))
                    spread(pipeline, 10, f"turn-{turn}")
                    guest.wait_until_ready()
            eventually(lambda: pipeline.committed() == 60, "all commits", 60)
        assert len(decided(pipeline)) == 60


POISON = {
    "not-json": b"\xff{",
    "not-an-object": b"[1]",
    "no-id": b'{"id":7}',
    "strategy-timeout": b'{"id":"hang"}',
}


class TestPoison:
    """Records that nobody can process, and the place for them."""

    @pytest.mark.parametrize(("reason", "poison"), POISON.items(), ids=POISON)
    @scenario(
        fault="Poison: not JSON, no object, no id, a strategy that hangs",
        client="Nothing",
        kept="Bytes, key and headers, as a dead letter",
        recovery="`bid_requests.dlq` keeps it for a person",
    )
    def test_poison_is_kept_and_passed_by(
        self, pipeline: Pipeline, reason: str, poison: bytes
    ) -> None:
        """Its bytes and key go to the dead letters, and the request behind it is decided on."""
        with pipeline.consumer(
            BIDDING_STRATEGY="tests.support.fakes.hanging_strategy:Hanging",
            CONSUMER_STRATEGY_TIMEOUT_MS="4000",  # by the clock, which the other request needs too
        ) as consumer:
            consumer.wait_until_ready()
            pipeline.send(poison, *requests(1))
            eventually(lambda: pipeline.committed() == 2, "both commits", 60)
        (letter,) = pipeline.given_up()
        assert (letter.value, letter.key) == (poison, b"r-1")
        assert dict(letter.headers)["dlq-reason"].decode() == reason
        assert decided(pipeline) == {"r-0": 1}

    @scenario(
        fault="The topic of dead letters is away",
        client="Nothing",
        kept="Everything: nothing is committed past the poison",
        recovery="By itself, once the topic is there",
    )
    def test_without_the_topic_of_dead_letters_the_partition_is_held(
        self, pipeline: Pipeline
    ) -> None:
        """A dead letter that cannot be written is not committed past, until it can."""
        with pipeline.consumer(
            CONSUMER_PUBLISH_TIMEOUT_MS="1000", CONSUMER_PROGRESS_TIMEOUT_MS="1000"
        ) as consumer:
            consumer.wait_until_ready()
            delete_topic(pipeline.brokers, pipeline.dead_letters)
            pipeline.send(b"{", *requests(1))
            eventually(lambda: consumer.retries("sinks") > 2, "retries", 60)
            assert pipeline.committed() == 0
            assert consumer.get("/healthz")[0] == 200
            create_topic(pipeline.brokers, pipeline.dead_letters)
            eventually(lambda: pipeline.committed() == 2, "both commits", 60)
        assert len({(r.key, r.value) for r in pipeline.given_up()}) == 1

    @scenario(
        fault="More dead letters in a row than allowed",
        client="Nothing",
        kept="Everything: the rest stays on the topic",
        recovery="A person, whom the error tells why",
    )
    def test_too_many_dead_letters_stop_it(self, pipeline: Pipeline) -> None:
        """It ends with an error that says why, and most of the topic is where it was."""
        pipeline.send(*[b"{"] * 50)
        with pipeline.consumer(
            CONSUMER_DLQ_MAX_CONSECUTIVE="10", CONSUMER_MAX_POLL_RECORDS="5"
        ) as consumer:
            assert consumer.process.wait(timeout=60) == 1
            (line,) = consumer.logged("stopped: too many dead letters")
        assert "11 records in a row" in line["error"]
        assert pipeline.committed() == len(pipeline.given_up()) == 10


GUARANTEES: dict[str, dict[str, str]] = {
    "at_least_once": {},
    "exactly_once": {"CONSUMER_GROUP_INSTANCE_ID": "member-1"},
}


@pytest.mark.parametrize("guarantee", GUARANTEES)
class TestSinks:
    """Sinks beside Kafka that are in trouble."""

    @scenario(
        fault="A sink takes a second for each decision, and is not waited for",
        client="Nothing",
        kept="Every request and its decision; what the sink's queue cannot hold is counted",
        recovery="By itself, as fast as the sink is",
    )
    def test_a_slow_sink_stalls_nothing(self, pipeline: Pipeline, guarantee: str) -> None:
        """All is decided and committed long before it would be done, and its books add up."""
        with pipeline.consumer(
            PROCESSING_GUARANTEE=guarantee,
            CONSUMER_SINKS="kafka,tests.support.fakes.troubled_sinks:Sluggish",
            CONSUMER_SINK_QUEUE="10",
            **GUARANTEES[guarantee],
        ) as consumer:
            consumer.wait_until_ready()
            begun = time.monotonic()
            spread(pipeline, 300)
            eventually(lambda: pipeline.committed() == 300, "all commits", 60)
            assert consumer.get("/readyz")[0] == 200
            dropped, waiting, _ = eventually(lambda: books(consumer, 300), "books that add up")
            took_s = time.monotonic() - begun
            assert consumer.logged("sink drops decisions")
        assert waiting <= 10
        assert dropped >= 300 - 10 - took_s  # all but its queue, and one for each second
        assert decided(pipeline) == {f"r-{number}": 1 for number in range(300)}

    @scenario(
        fault="A sink that is waited for is away",
        client="Nothing",
        kept="Every request: none is committed without its decision in that sink",
        recovery="By itself, once the sink is back",
    )
    def test_a_sink_that_is_waited_for_holds_its_partitions(
        self, pipeline: Pipeline, guarantee: str
    ) -> None:
        """Nothing is committed meanwhile, the reason is shown, and nothing is missing then."""
        path = pipeline.logs / "decisions"
        sinks = "kafka,tests.support.fakes.troubled_sinks:Switched"
        with pipeline.consumer(
            PROCESSING_GUARANTEE=guarantee,
            CONSUMER_SINKS=sinks,
            CONSUMER_DURABLE_SINKS=sinks,
            CONSUMER_RETRY_BACKOFF_MAX_MS="500",
            CONSUMER_PROGRESS_TIMEOUT_MS="1000",
            SWITCHED_SINK=str(path),
            **GUARANTEES[guarantee],
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
        assert {*written} == decided(pipeline).keys() == {f"r-{number}" for number in range(30)}
