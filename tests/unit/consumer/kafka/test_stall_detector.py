"""A partition that is no longer read although records wait, and all that is not one."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError
from structlog.testing import capture_logs

from consumer.errors import SinkBackpressureError
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_wiring import REQUEST, Wiring

pytestmark = [pytest.mark.timing, pytest.mark.promise("recovers")]

TIMEOUT_S = 60
STUCK = "partition 1: at offset 1 for 60 s while records wait"


class Fixture:
    """A member with two partitions, the second of which it stops to read."""

    def __init__(self) -> None:
        self.sink = FakeSink()
        self.service = Wiring.over([REQUEST], [REQUEST], sinks=[self.sink])
        self.service.go_round()
        self.consumer = self.service.consumer
        self.consumer.not_fetched = {partition(1)}
        for number in (0, 1):
            self.consumer.add(REQUEST, number)
        self.service.go_round()

    def pass_time(self, timeouts: int = 1, rounds: int = 3) -> list[str]:
        """Let timeouts go by, each with rounds a second apart; return what is said to be stuck."""
        for _ in range(timeouts):
            self.service.time.now_s += TIMEOUT_S
            for _ in range(rounds):
                self.service.go_round()
                self.service.time.now_s += 1
        self.service.health.beat()
        return self.service.health.not_alive()


@pytest.fixture
def it() -> Fixture:
    """Have a member that has stopped to read a partition."""
    return Fixture()


class TestStuck:
    """What only a new process can mend."""

    def test_it_is_named_and_neither_alive_nor_ready(self, it: Fixture) -> None:
        """Its leader has said twice that records wait, and nothing moved in between."""
        assert it.pass_time() == []
        with capture_logs() as logged:
            assert it.pass_time() == [STUCK]
            assert it.pass_time() == [STUCK]
        assert it.service.health.not_ready() == [STUCK]
        assert it.service.value("consumer_stuck_partitions") == 1
        (line,) = [line for line in logged if line["event"] == "partition stuck"]
        assert line["partition"] == 1

    @pytest.mark.parametrize("mended", ["its position moves", "it goes"])
    def test_it_is_taken_back(self, it: Fixture, mended: str) -> None:
        """Who reads again, or no longer has the partition, needs no restart."""
        assert it.pass_time(2) == [STUCK]
        if mended == "it goes":
            it.consumer.rebalance(0)
        else:
            it.consumer.not_fetched = set()
        assert it.pass_time() == []
        assert it.service.value("consumer_stuck_partitions") == 0


class TestNotStuck:
    """What a new process could not mend, or need not."""

    def test_an_idle_partition(self, it: Fixture) -> None:
        """Nothing waits: it is asked once a timeout, and may stay idle for good."""
        it.consumer.log[1].pop()
        assert it.pass_time(5) == []
        assert 0 < it.consumer.asked_ends <= 10

    def test_a_leader_that_does_not_answer(self, it: Fixture) -> None:
        """Kafka, or one of its brokers, is away: that is no evidence, and takes earlier back."""
        it.consumer.leader_error = KafkaTimeoutError("away")
        assert it.pass_time(5) == []
        it.consumer.leader_error = None
        assert it.pass_time() == []
        assert it.pass_time() == [STUCK]
        it.consumer.leader_error = KafkaTimeoutError("away again")
        assert it.pass_time() == []

    def test_a_poll_that_fails(self, it: Fixture) -> None:
        """The time before it does not count."""
        assert it.pass_time() == []
        it.consumer.poll_errors = [KafkaTimeoutError("away")]
        assert it.pass_time(2) == []
        assert it.pass_time() == [STUCK]

    def test_a_sink_that_is_away(self, it: Fixture) -> None:
        """The same record is tried again and again, and that is in order."""
        it.consumer.not_fetched = set()
        it.sink.at_wait = lambda _decided: SinkBackpressureError("away")
        assert it.pass_time(5) == []

    def test_a_partition_whose_turn_is_still_to_come(self, it: Fixture) -> None:
        """Polls that bring others' records say nothing, until all have had many turns."""
        it.consumer.on_poll = lambda _number: it.consumer.add(REQUEST, 0)
        assert it.pass_time(10, rounds=5) == []
        assert it.pass_time(10, rounds=30) == [STUCK]

    def test_a_position_that_is_not_known(
        self, it: Fixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is still asked for: nothing stands still yet."""

        def unknown(*_args: object, **_kwargs: object) -> int:
            raise KafkaTimeoutError("no coordinator")

        monkeypatch.setattr(it.consumer, "position", unknown)
        assert it.pass_time(5) == []

    def test_it_looks_at_most_once_a_second(self, it: Fixture) -> None:
        """A busy loop goes round a thousand times a second."""
        it.service.time.now_s += TIMEOUT_S
        it.service.go_round(50)
        assert it.consumer.asked_ends <= 1
