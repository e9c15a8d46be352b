"""Partitions that come and go, and how far behind they are."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError
from structlog.testing import capture_logs

from consumer.errors import SinkUnavailableError
from consumer.kafka.rebalance import WAITING
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_wiring import Wiring

pytestmark = pytest.mark.timing

REQUEST = b'{"id":"r-1"}'


class TestRebalances:
    """The group gives partitions and takes them."""

    def test_not_ready_before_the_first_assignment(self) -> None:
        """Readiness says what is waited for."""
        service = Wiring(FakeKafkaConsumer())
        assert service.health.reasons() == [f"partitions: {WAITING}"]

    def test_ready_and_counted_with_the_assignment(self) -> None:
        """The first poll joins the group."""
        service = Wiring(FakeKafkaConsumer(partitions=3))
        service.go_round()
        assert service.health.reasons() == []
        assert service.value("consumer_assigned_partitions") == 3

    def test_a_spare_member_is_ready_with_no_partition(self) -> None:
        """With more members than partitions a rollout must not wait for one that never comes."""
        source = FakeKafkaConsumer()
        service = Wiring(source)
        source.rebalance([])
        service.go_round()
        assert service.health.reasons() == []
        assert service.value("consumer_assigned_partitions") == 0

    def test_partitions_that_go_take_their_trouble_along(self) -> None:
        """An outage that held a partition is not this member's any more."""
        source = FakeKafkaConsumer(partitions=2)
        source.add(REQUEST)
        away = FakeSink(at_wait=lambda _decided: SinkUnavailableError("away"))
        service = Wiring(source, sinks=[away])
        service.go_round()
        source.rebalance([partition(1)])
        service.go_round()
        assert service.health.reasons() == []
        assert service.value("consumer_assigned_partitions") == 1

    def test_both_are_logged_but_not_the_revocation_of_nothing(self) -> None:
        """The first rebalance takes nothing away, and says nothing about it."""
        source = FakeKafkaConsumer(partitions=2)
        service = Wiring(source)
        with capture_logs() as logged:
            service.go_round()
            source.rebalance([partition(1)])
            service.go_round()
        assert [(line["event"], line["partitions"]) for line in logged] == [
            ("partitions assigned", [0, 1]),
            ("partitions revoked", [0, 1]),
            ("partitions assigned", [1]),
        ]
        counted = service.value("consumer_rebalances_total", change="assigned")
        assert (counted, service.value("consumer_rebalances_total", change="revoked")) == (2, 1)

    def test_lost_partitions_are_treated_as_revoked(self) -> None:
        """A member that was thrown out of the group has nothing left to commit."""
        source = FakeKafkaConsumer()
        source.add(REQUEST)
        source.commit_errors = [KafkaTimeoutError()]
        service = Wiring(source)
        service.go_round()
        source.lose()
        service.commits.flush()
        assert source.commits == []
        assert service.value("consumer_assigned_partitions") == 0


class TestLag:
    """Lag is told in messages and in seconds, by partition."""

    def test_what_waits_is_counted(self) -> None:
        """Messages are the distance to the end, seconds the age of the record read last."""
        source = FakeKafkaConsumer(max_poll_records=2)
        for _ in range(5):
            source.add(REQUEST)
        service = Wiring(source)
        service.time.now_s += 30
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") == 3
        assert service.value("consumer_lag_seconds", partition="0") == pytest.approx(30 - 0.001)

    def test_nothing_waiting_is_no_lag_however_old_the_last_record(self) -> None:
        """A quiet topic is not a slow consumer."""
        source = FakeKafkaConsumer()
        source.add(REQUEST)
        service = Wiring(source)
        service.time.now_s += 3_600
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") == 0
        assert service.value("consumer_lag_seconds", partition="0") == 0

    def test_an_outage_shows_as_a_growing_lag(self) -> None:
        """The record that is held counts as waiting, and it grows older."""
        source = FakeKafkaConsumer()
        source.add(REQUEST)
        away = FakeSink(at_wait=lambda _decided: SinkUnavailableError("away"))
        service = Wiring(source, sinks=[away])
        service.go_round()
        service.time.now_s += 60
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") == 1
        lag_s = service.value("consumer_lag_seconds", partition="0")
        assert lag_s is not None
        assert lag_s > 60

    def test_it_is_reported_at_most_once_a_second(self) -> None:
        """A busy loop does not spend its time on gauges."""
        source = FakeKafkaConsumer()
        service = Wiring(source)
        service.go_round()
        source.add(b"poison")
        source.highwater_is = lambda _end: 100
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") == 0
        service.time.now_s += 1
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") == 99

    def test_what_is_not_known_yet_is_not_reported(self) -> None:
        """Before the first fetch there is no end, and a client's error is none either."""
        source = FakeKafkaConsumer()
        source.highwater_is = lambda _end: None
        service = Wiring(source)
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") is None

        def fail(_end: int) -> int:
            raise KafkaTimeoutError

        source.highwater_is = fail
        service.time.now_s += 1
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") is None

    def test_partitions_that_went_have_no_lag_here(self) -> None:
        """Another member reports them from now on."""
        source = FakeKafkaConsumer(partitions=2)
        service = Wiring(source)
        service.go_round()
        source.rebalance([partition(1)])
        service.time.now_s += 1
        service.go_round()
        assert service.value("consumer_lag_messages", partition="0") is None
        assert service.value("consumer_lag_messages", partition="1") == 0
