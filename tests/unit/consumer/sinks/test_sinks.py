"""Sinks beside Kafka: queues, threads, drops, back-pressure and the end."""

from __future__ import annotations

import threading
from asyncio import CancelledError
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from common.settings import SettingsError
from consumer.bidding.decision import Bid, Bids, NoBid
from consumer.bidding.decision_record import DecisionRecord, build_decision_record
from consumer.bidding.request import parse
from consumer.errors import MessageRejected, SinkBackpressureError
from consumer.metrics import ConsumerMetrics
from consumer.runtime import Clock
from consumer.settings.consumer import load_settings
from consumer.settings.sinks import PATIENCE
from consumer.sinks.queue import BoundedQueue, Delivery
from consumer.sinks.queued import Bounds, DroppingSink, DurableSink
from consumer.sinks.sinks import Sinks, load_sinks
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import make_record
from tests.support.fakes.consumer_sink import Failing, FakeSink
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, Wiring
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("record-isolation", "decides")]

BOUNDS = Bounds(decisions=3, size_bytes=10_000, timeout_s=5)
WELL_S = 60.0  # what is well is over before, on a machine that stands still as well


def decision(offset: int = 0, body: bytes = b'{"id":"r-1"}') -> DecisionRecord:
    """Return a decision on the request at `offset`."""
    record = make_record(body, offset=offset)
    return build_decision_record(record, parse(record.value), NoBid(), "fake", 0)


@dataclass
class SlowSink(FakeSink):
    """Takes nothing before `go_on` is set."""

    go_on: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Keep what to fail with, and wait before."""
        self._at_submit, self.at_submit = self.at_submit, self._waiting

    def _waiting(self, decided: DecisionRecord) -> Exception | None:
        assert self.go_on.wait(20)
        return self._at_submit(decided)

    def close(self) -> None:
        """Note the end."""
        self.closed.set()


def test_an_error_that_nobody_expected_does_not_end_the_thread() -> None:
    """It is logged, and what comes next is delivered."""
    sink = FakeSink()
    failures = iter([MessageRejected("no")])
    sink.at_submit = lambda _decided: next(failures, None)

    class Faulty(DurableSink):
        """Cannot cope with a delivery that fails."""

        def _fail(self, _delivery: Delivery, _error: BaseException) -> bool:
            raise ZeroDivisionError

    it = Faulty(sink, BOUNDS, ConsumerMetrics(CollectorRegistry()), Clock())
    with capture_logs() as logged:
        it.start()
        it.submit(decision(0))
        eventually(lambda: [line for line in logged if line["event"] == "unexpected"], "the line")
        it.submit(decision(1)).wait(WELL_S)
    assert it.stop(WELL_S) == 1


class UnhurriedQueue(BoundedQueue):
    """Waits for room by a clock of the test's, as long as it may."""

    def __init__(self, bounds: Bounds, time: FakeTime) -> None:
        super().__init__(bounds.decisions, bounds.size_bytes)
        self._sleep = time.sleep

    def put(self, delivery: Delivery, seconds: float = 0) -> bool:
        """Wait, then say whether there was room."""
        there = super().put(delivery)
        if not there:
            self._sleep(seconds)
        return there


class Hanging(DroppingSink):
    """Is stopped by a clock of the test's, and does not end."""

    def __init__(self, sink: FakeSink, counted: Counted, time: FakeTime) -> None:
        super().__init__(sink, BOUNDS, counted.metrics, time.clock)
        self._sleep = time.sleep

    def stop(self, seconds: float) -> int:
        """Wait, then give up."""
        self._sleep(seconds)
        return super().stop(0)


class AnotherLog(FakeSink):
    """A sink under the name of another."""

    def __init__(self) -> None:
        super().__init__(name="log")


class Counted:
    """Metrics that can be read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ConsumerMetrics(self.registry)

    def drops(self, reason: str) -> float:
        """Return how many were dropped for that reason."""
        labels = {"sink": "fake", "reason": reason}
        return self.registry.get_sample_value("consumer_sink_drops_total", labels) or 0

    def of(self, name: str) -> float | None:
        """Return what is counted for the sink under that name."""
        return self.registry.get_sample_value(f"consumer_sink_{name}", {"sink": "fake"})


@pytest.fixture
def counted() -> Counted:
    """Make metrics."""
    return Counted()


@pytest.fixture
def slow() -> Iterator[SlowSink]:
    """Make a slow sink, and let it go at the end."""
    sink = SlowSink()
    yield sink
    sink.go_on.set()


def dropping(sink: FakeSink, counted: Counted, bounds: Bounds = BOUNDS) -> DroppingSink:
    """Start a sink that drops."""
    it = DroppingSink(sink, bounds, counted.metrics, Clock())
    it.start()
    return it


def durable(sink: FakeSink, counted: Counted, bounds: Bounds = BOUNDS) -> DurableSink:
    """Start a sink that is waited for."""
    it = DurableSink(sink, bounds, counted.metrics, Clock())
    it.start()
    return it


class TestDropping:
    """What nothing waits for."""

    def test_decisions_arrive_in_their_order(self, counted: Counted) -> None:
        """Each is counted, and none is left."""
        sink = FakeSink()
        it = dropping(sink, counted, Bounds(100, 100_000, 5))
        for offset in range(50):
            it.try_put(decision(offset))
        eventually(lambda: counted.of("delivered_total") == 50, "all deliveries")
        assert sink.offsets() == [*range(50)]
        assert counted.of("queued_decisions") == 0

    def test_a_slow_sink_costs_its_own_decisions_and_nobodys_time(
        self, counted: Counted, slow: SlowSink
    ) -> None:
        """The queue holds so many, the rest is dropped and counted, and all add up."""
        it = dropping(slow, counted)
        for offset in range(1_000):
            it.try_put(decision(offset))
        assert slow.submitted == []
        assert (counted.of("queued_decisions"), counted.drops("full")) == (3, 997)
        slow.go_on.set()
        eventually(lambda: counted.of("delivered_total") == 3, "the deliveries")
        assert slow.offsets() == [0, 1, 2]

    def test_large_decisions_fill_the_queue_sooner(self, counted: Counted, slow: SlowSink) -> None:
        """Memory is what is bounded; one larger than the bound still gets through by itself."""
        it = dropping(slow, counted, Bounds(100, 1_000, 5))
        large = b'{"id":"%s"}' % (b"x" * 600)
        for offset in range(3):
            it.try_put(decision(offset, large))
        assert counted.drops("full") == 2
        slow.go_on.set()
        eventually(lambda: counted.of("delivered_total") == 1, "the delivery")

    @pytest.mark.parametrize("where", ["at_submit", "at_wait"])
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (MessageRejected("no"), "refused"),
            (SinkBackpressureError("away"), "unavailable"),
            (ZeroDivisionError("a person's data"), "failed"),
        ],
    )
    def test_whatever_a_sink_raises_is_a_drop_with_a_reason(
        self, counted: Counted, where: str, error: Exception, reason: str
    ) -> None:
        """The decisions around it arrive, and the log does not quote the error."""
        failing: Failing = lambda it: error if it.record.offset == 1 else None  # noqa: E731
        sink = FakeSink(**{where: failing})  # type: ignore[arg-type]  # both take a Failing
        with capture_logs() as logged:
            it = dropping(sink, counted)
            for offset in range(3):
                it.try_put(decision(offset))
            eventually(lambda: counted.of("delivered_total") == 2, "the others")
        assert counted.drops(reason) == 1
        assert sink.offsets() == [0, 2]
        assert [line["why"] for line in logged] == [type(error).__name__]

    def test_it_complains_once_in_a_while(self, counted: Counted, slow: SlowSink) -> None:
        """A sink that is away for an hour does not fill the log."""
        it = dropping(slow, counted)
        with capture_logs() as logged:
            for offset in range(100):
                it.try_put(decision(offset))
        assert [line["event"] for line in logged] == ["sink drops decisions"]


class TestDurable:
    """What is waited for."""

    def test_the_acknowledgement_is_the_sinks(self, counted: Counted) -> None:
        """It can be waited for more than once."""
        sink = FakeSink()
        acknowledgement = durable(sink, counted).submit(decision())
        acknowledgement.wait(5)
        acknowledgement.wait(0)
        assert sink.offsets() == [0]

    @pytest.mark.parametrize(
        ("error", "known"),
        [
            (MessageRejected("no"), MessageRejected),
            (SinkBackpressureError("away"), SinkBackpressureError),
            (ZeroDivisionError("?"), SinkBackpressureError),
        ],
    )
    def test_what_it_raises_comes_to_whoever_waits(
        self, counted: Counted, error: Exception, known: type[Exception]
    ) -> None:
        """What nobody knows may go better the next time: it is no reason for a dead letter."""
        it = durable(FakeSink(at_submit=lambda _it: error), counted)
        with pytest.raises(known, match="^fake: "):
            it.submit(decision()).wait(5)
        assert counted.drops("failed") == 0

    def test_silence_is_unavailability(self, counted: Counted, slow: SlowSink) -> None:
        """A sink that hangs holds its partition, and no more."""
        with pytest.raises(SinkBackpressureError):
            durable(slow, counted).submit(decision()).wait(0.01)

    def test_a_full_queue_is_waited_for_but_not_for_each_decision(
        self, counted: Counted, slow: SlowSink
    ) -> None:
        """A batch waits for room so long in all, then it is held."""
        bounds, time = Bounds(2, 10_000, 5), FakeTime()
        it = DurableSink(slow, bounds, counted.metrics, time.clock)
        it._queue = UnhurriedQueue(bounds, time)  # noqa: SLF001  whose waits are those of a thread
        it.start()
        first = [it.submit(decision(offset)) for offset in range(2)]
        for _ in range(20):
            with pytest.raises(SinkBackpressureError, match="fake: the queue is full"):
                it.submit(decision(2))
        assert time.slept_s == [5 * PATIENCE] + [0] * 19
        slow.go_on.set()
        for acknowledgement in first:
            acknowledgement.wait(WELL_S)
        it.submit(decision(2)).wait(WELL_S)
        assert slow.offsets() == [0, 1, 2]

    def test_what_is_still_in_the_queue_is_not_put_there_again(
        self, counted: Counted, slow: SlowSink
    ) -> None:
        """A record that is tried again waits for the delivery that has begun."""
        it = durable(slow, counted)
        with pytest.raises(SinkBackpressureError):
            it.submit(decision()).wait(0)
        again = it.submit(decision())
        slow.go_on.set()
        again.wait(WELL_S)
        assert slow.offsets() == [0]

    def test_what_was_delivered_meanwhile_is_known(self, counted: Counted, slow: SlowSink) -> None:
        """Between two attempts a sink gets on with its work, and none of it is done twice."""
        it = durable(slow, counted)
        with pytest.raises(SinkBackpressureError):
            it.submit(decision()).wait(0)
        slow.go_on.set()
        eventually(lambda: counted.of("delivered_total") == 1, "the delivery")
        it.submit(decision()).wait(0)
        assert slow.offsets() == [0]

    def test_another_request_at_that_place_is_another_delivery(
        self, counted: Counted, slow: SlowSink
    ) -> None:
        """A topic that was made anew has other records at the same offsets."""
        it = durable(slow, counted)
        it.submit(decision(body=b'{"id":"old"}'))
        again = it.submit(decision(body=b'{"id":"new"}'))
        slow.go_on.set()
        again.wait(WELL_S)
        assert [it.request.id for it in slow.submitted] == ["old", "new"]

    @pytest.mark.parametrize("error", [SystemExit(), CancelledError()])
    def test_whatever_a_sink_raises_its_thread_goes_on(
        self, counted: Counted, error: BaseException
    ) -> None:
        """Nobody would start it again, and its partitions would be held for good."""
        errors = [error]

        def fail_once(_decided: DecisionRecord) -> None:
            if errors:
                raise errors.pop()

        it = durable(FakeSink(at_submit=fail_once), counted)
        with pytest.raises(SinkBackpressureError):
            it.submit(decision()).wait(WELL_S)
        it.submit(decision()).wait(WELL_S)

    def test_another_decision_is_another_delivery(self, counted: Counted, slow: SlowSink) -> None:
        """A strategy that is asked again may decide otherwise: the sink gets that, too."""
        it = durable(slow, counted)
        it.submit(decision())
        record = make_record(b'{"id":"r-1"}', offset=0)
        bids = Bids((Bid("1", 1.0, "ad"),))
        again = it.submit(build_decision_record(record, parse(record.value), bids, "fake", 0))
        slow.go_on.set()
        again.wait(WELL_S)
        assert [it.outcome for it in slow.submitted] == ["no_bid", "bid"]

    def test_what_nobody_waits_for_any_more_is_forgotten(self, counted: Counted) -> None:
        """Partitions go, and with them who would have waited: memory is bounded."""
        sink = FakeSink()
        it = durable(sink, counted)
        for offset in range(50):
            eventually(lambda: counted.of("queued_decisions") == 0, "an empty queue")
            it.submit(decision(offset))
        assert len(it._awaited) <= 2 * BOUNDS.decisions + 1  # noqa: SLF001  what else would tell

    def test_a_sink_that_takes_its_time_is_heard_of_in_between(self, counted: Counted) -> None:
        """The first acknowledgements do not wait for a whole batch to be submitted."""
        time, delivered = FakeTime(), []

        def take_a_second(_decided: DecisionRecord) -> None:
            delivered.append(counted.of("delivered_total"))
            time.now_s += 1

        bounds = Bounds(10, 10_000, timeout_s=5)
        sink = FakeSink(at_submit=take_a_second)
        it = DurableSink(sink, bounds, counted.metrics, time.clock)
        waited_for = [it.submit(decision(offset)) for offset in range(4)]
        it.start()
        for acknowledgement in waited_for:
            acknowledgement.wait(WELL_S)
        assert delivered == [0, 1, 2, 3]


class TestInTheService:
    """Both kinds, in the poll loop."""

    def test_nothing_is_dropped_or_offered_that_is_not_done(self, counted: Counted) -> None:
        """While a sink that is waited for is away, the others hear nothing and offsets stand."""
        away = [SinkBackpressureError("away")]
        waited_for = FakeSink(at_wait=lambda _it: away[0] if away else None)
        offered = FakeSink()
        source = FakeKafkaConsumer()
        source.add(b'{"id":"r-1"}')
        watching = dropping(offered, Counted())
        service = Wiring(source, sinks=[durable(waited_for, counted)], dropping=[watching])
        service.go_round()
        assert (service.committed, offered.submitted) == ({}, [])
        away.clear()
        service.go_round()
        assert service.committed == {0: 1}
        eventually(lambda: offered.offsets() == [0], "what is done")

    def test_a_refusal_is_a_dead_letter(self, counted: Counted) -> None:
        """As from Kafka itself."""
        source = FakeKafkaConsumer()
        source.add(b'{"id":"r-1"}')
        refusing = FakeSink(at_wait=lambda _it: MessageRejected("no"))
        service = Wiring(source, sinks=[durable(refusing, counted)])
        service.go_round()
        assert service.producer.to(DEAD_LETTERS)[0].header("dlq-error") == "fake: no"


class TestDrain:
    """The end, with one deadline for all."""

    def test_what_waits_is_delivered_and_sinks_are_closed(
        self, counted: Counted, slow: SlowSink
    ) -> None:
        """A stop costs no decision where there is time."""
        it = dropping(slow, counted)
        it.try_put(decision())
        slow.go_on.set()
        Sinks(dropping=[it]).drain(5, Clock())
        assert slow.offsets() == [0]
        assert slow.closed.is_set()
        it.try_put(decision(1))
        assert counted.drops("full") == 1

    def test_hanging_sinks_share_one_deadline(self, slow: SlowSink) -> None:
        """Three of them take no longer than one, and what they leave is counted."""
        books = [Counted() for _ in range(3)]
        time = FakeTime()
        those = [Hanging(slow, book, time) for book in books]
        for it in those:
            it.start()
            it.try_put(decision())
        Sinks(dropping=those).drain(2, time.clock)
        assert time.slept_s == [2, 0, 0]
        assert [book.drops("stopped") for book in books] == [1, 1, 1]

    def test_what_ends_after_the_end_counts_once(self, counted: Counted, slow: SlowSink) -> None:
        """A sink that wakes up afterwards has not delivered what was given up."""
        it = dropping(slow, counted)
        it.try_put(decision())
        Sinks(dropping=[it]).drain(0.01, Clock())
        slow.go_on.set()
        assert slow.closed.wait(5)
        assert (counted.drops("stopped"), counted.of("delivered_total")) == (1, 0)

    def test_a_sink_that_cannot_be_closed_ends_all_the_same(self, counted: Counted) -> None:
        """Its error is logged."""

        class Unclosable(FakeSink):
            def close(self) -> None:
                raise OSError("busy")

        it = durable(Unclosable(), counted)
        with capture_logs() as logged:
            Sinks(durable=[it]).drain(5, Clock())
        assert [line["event"] for line in logged] == ["sink not closed in order"]


class TestChoice:
    """CONSUMER_SINKS and CONSUMER_DURABLE_SINKS."""

    def chosen(self, **environ: str) -> Sinks:
        """Return what an environment chooses."""
        metrics = ConsumerMetrics(CollectorRegistry())
        return load_sinks(load_settings(environ).sinks, environ, 1, metrics, Clock())

    def test_kafka_alone_is_the_default(self) -> None:
        """Nothing else runs in a service that is not told so."""
        assert self.chosen() == Sinks(writes_to_kafka=True, durable=[], dropping=[])

    def test_there_may_be_none(self) -> None:
        """Where both lists are empty: decisions are logged and counted then, and kept nowhere."""
        outlets = self.chosen(CONSUMER_SINKS="", CONSUMER_DURABLE_SINKS="")
        assert outlets == Sinks(writes_to_kafka=False, durable=[], dropping=[])

    def test_each_sink_is_waited_for_or_not(self, tmp_path: Path) -> None:
        """By name, ours and others'."""
        outlets = self.chosen(
            CONSUMER_SINKS="jsonl, log,tests.support.fakes.consumer_sink:FakeSink",
            CONSUMER_DURABLE_SINKS="jsonl",
            CONSUMER_JSONL_PATH=str(tmp_path / "decisions.jsonl"),
        )
        assert not outlets.writes_to_kafka
        outlets.start()
        outlets.drain(5, Clock())
        assert [sink.name for sink in outlets.durable] == ["jsonl"]
        assert [sink.name for sink in outlets.dropping] == ["log", "fake"]

    @pytest.mark.parametrize(
        ("environ", "message"),
        [
            ({"CONSUMER_SINKS": "kafka,kafka"}, "CONSUMER_SINKS='kafka,kafka': a sink is named"),
            ({"CONSUMER_SINKS": "log"}, "CONSUMER_DURABLE_SINKS='kafka': must name at least one"),
            ({"CONSUMER_SINKS": ""}, "CONSUMER_DURABLE_SINKS='kafka': must name at least one"),
            ({"CONSUMER_DURABLE_SINKS": ""}, "CONSUMER_DURABLE_SINKS='': must name at least"),
            (
                {"CONSUMER_SINKS": "kafka,log", "CONSUMER_DURABLE_SINKS": "log"},
                "CONSUMER_DURABLE_SINKS='log': must name kafka",
            ),
            ({"CONSUMER_SINKS": "kafka,jsonl"}, "CONSUMER_JSONL_PATH: is required"),
            (
                {"CONSUMER_SINKS": "kafka,jsonl", "CONSUMER_JSONL_PATH": "/no/such/folder/x"},
                "CONSUMER_JSONL_PATH='/no/such/folder/x': ",
            ),
            (
                {"CONSUMER_SINKS": "kafka,log,tests.unit.consumer.sinks.test_sinks:AnotherLog"},
                "CONSUMER_SINKS='kafka,log,tests.unit.consumer.sinks.test_sinks:AnotherLog': ",
            ),
            ({"CONSUMER_SINKS": "kafka,x"}, "CONSUMER_SINKS='kafka,x': x is not shipped"),
        ],
    )
    def test_what_does_not_go_together_is_named(
        self, environ: dict[str, str], message: str
    ) -> None:
        """The service ends before it has begun, with one line."""
        with pytest.raises(SettingsError) as raised:
            self.chosen(**environ)
        assert str(raised.value).startswith(message)

    def test_a_sink_that_is_waited_for_makes_rounds_longer(self) -> None:
        """Limits on the poll loop allow for its queue."""
        environ = {"CONSUMER_SINKS": "kafka,log", "CONSUMER_DURABLE_SINKS": "kafka,log"}
        longer = load_settings(environ).longest_round_ms - load_settings({}).longest_round_ms
        assert longer == load_settings({}).publish_timeout_ms / 4
