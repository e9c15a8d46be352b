"""Partitions that come and go."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError
from structlog.testing import capture_logs

from consumer.errors import SinkBackpressureError
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
        assert service.health.not_ready() == [f"partitions: {WAITING}"]

    def test_ready_and_counted_with_the_assignment(self) -> None:
        """The first poll joins the group."""
        service = Wiring(FakeKafkaConsumer(partitions=3))
        service.go_round()
        assert service.health.not_ready() == []
        assert service.value("consumer_assigned_partitions") == 3

    def test_a_spare_member_is_ready_with_no_partition(self) -> None:
        """With more members than partitions a rollout must not wait for one that never comes."""
        source = FakeKafkaConsumer()
        service = Wiring(source)
        source.rebalance([])
        service.go_round()
        assert service.health.not_ready() == []
        assert service.value("consumer_assigned_partitions") == 0

    def test_partitions_that_go_take_their_trouble_along(self) -> None:
        """An outage that held a partition is not this member's any more."""
        source = FakeKafkaConsumer(partitions=2)
        source.add(REQUEST)
        away = FakeSink(at_wait=lambda _decided: SinkBackpressureError("away"))
        service = Wiring(source, sinks=[away])
        service.go_round()
        source.rebalance([partition(1)])
        service.go_round()
        assert service.health.not_ready() == []
        assert service.value("consumer_assigned_partitions") == 1

    def test_trouble_of_a_partition_that_stays_is_still_told(self) -> None:
        """Another one that goes does not make this member ready."""
        source = FakeKafkaConsumer(partitions=2)
        source.add(REQUEST)
        away = FakeSink(at_wait=lambda _decided: SinkBackpressureError("away"))
        service = Wiring(source, sinks=[away])
        service.go_round()
        service.rebalances.on_partitions_revoked([partition(1)])
        assert service.health.not_ready() == ["sinks: away"]

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
