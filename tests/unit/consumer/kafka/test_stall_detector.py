"""A partition that is no longer read although records wait, and all that is not one."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError
from structlog.testing import capture_logs

from consumer.errors import SinkBackpressureError
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_wiring import Wiring

pytestmark = pytest.mark.timing

REQUEST = b'{"id":"r-1"}'
TIMEOUT_S = 60
STUCK = "partition 1: at offset 1 for 60 s while records wait"


class Fixture:
    """A member with two partitions, the second of which it stops to read."""

    def __init__(self, sink: FakeSink | None = None) -> None:
        self.source = FakeKafkaConsumer(partitions=2)
        self.service = Wiring(self.source, sinks=None if sink is None else [sink])
        self.add()
        self.service.go_round()
        self.source.not_fetched = {partition(1)}
        self.add()
        self.service.go_round()

    def add(self) -> None:
        """Append a record to each partition."""
        for number in (0, 1):
            self.source.add(REQUEST, number)

    def pass_time(self, timeouts: int = 1, rounds: int = 3) -> list[str]:
        """Let timeouts go by, each with rounds a second apart; return what is said to be stuck."""
        for _ in range(timeouts):
            self.service.time.now_s += TIMEOUT_S
            for _ in range(rounds):
                self.service.go_round()
                self.service.time.now_s += 1
        self.service.health.beat()
        return self.service.health.not_alive()

    def stuck(self) -> float | None:
        """Return the gauge."""
        return self.service.value("consumer_stuck_partitions")


class TestStuck:
    """What only a new process can mend."""

    def test_it_is_named_and_neither_alive_nor_ready(self) -> None:
        """Its leader has said twice that records wait, and nothing moved in between."""
        it = Fixture()
        assert it.pass_time() == []
        with capture_logs() as logged:
            assert it.pass_time() == [STUCK]
            assert it.pass_time() == [STUCK]
        assert it.service.health.not_ready() == [STUCK]
        assert not it.service.health.alive()
        assert it.stuck() == 1
        (line,) = [line for line in logged if line["event"] == "partition stuck"]
        assert line["partition"] == 1

    def test_it_is_taken_back_when_the_position_moves(self) -> None:
        """Who reads again needs no restart."""
        it = Fixture()
        assert it.pass_time(2) == [STUCK]
        it.source.not_fetched = set()
        assert it.pass_time() == []
        assert it.stuck() == 0

    def test_it_goes_with_its_partition(self) -> None:
        """Another member reads it from now on."""
        it = Fixture()
        assert it.pass_time(2) == [STUCK]
        it.source.rebalance([partition(0)])
        assert it.pass_time() == []
        assert it.stuck() == 0


class TestNotStuck:
    """What a new process could not mend, or need not."""

    def test_an_idle_partition(self) -> None:
        """Nothing waits: it is asked once a timeout, and may stay idle for good."""
        it = Fixture()
        it.source.log[partition(1)].pop()
        assert it.pass_time(5) == []
        assert 0 < it.source.asked_ends <= 10

    def test_a_leader_that_does_not_answer(self) -> None:
        """Kafka, or one of its brokers, is away: that is no evidence, and takes earlier back."""
        it = Fixture()
        it.source.leader_error = KafkaTimeoutError("away")
        assert it.pass_time(5) == []
        it.source.leader_error = None
        assert it.pass_time() == []
        assert it.pass_time() == [STUCK]
        it.source.leader_error = KafkaTimeoutError("away again")
        assert it.pass_time() == []

    def test_a_poll_that_fails(self) -> None:
        """The time before it does not count."""
        it = Fixture()
        assert it.pass_time() == []
        it.source.poll_errors = [KafkaTimeoutError("away")]
        assert it.pass_time(2) == []
        assert it.pass_time() == [STUCK]

    def test_a_sink_that_is_away(self) -> None:
        """Positions go back to the same record again and again, and that is in order."""
        sink = FakeSink()
        it = Fixture(sink)
        it.source.not_fetched = set()
        sink.at_wait = lambda _decided: SinkBackpressureError("away")
        assert it.pass_time(5) == []

    def test_a_partition_whose_turn_is_still_to_come(self) -> None:
        """Polls that bring others' records say nothing, until all have had many turns."""
        it = Fixture()

        def busy(_number: int) -> None:
            it.source.add(REQUEST, 0)

        it.source.on_poll = busy
        assert it.pass_time(10, rounds=5) == []
        assert it.pass_time(10, rounds=30) == [STUCK]

    def test_a_position_that_is_not_known(self) -> None:
        """It is still asked for: nothing stands still yet."""
        it = Fixture()

        def unknown(*_args: object, **_kwargs: object) -> int:
            raise KafkaTimeoutError("no coordinator")

        it.source.position = unknown  # type: ignore[method-assign]
        assert it.pass_time(5) == []

    def test_it_looks_at_most_once_a_second(self) -> None:
        """A busy loop goes round a thousand times a second."""
        it = Fixture()
        it.service.time.now_s += TIMEOUT_S
        it.service.go_round(50)
        assert it.source.asked_ends <= 1
