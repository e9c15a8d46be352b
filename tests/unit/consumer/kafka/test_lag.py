"""Lag is told in messages and in seconds, by partition, as Kafka has it."""

from __future__ import annotations

import threading

import pytest
from kafka.errors import KafkaTimeoutError
from prometheus_client import CollectorRegistry

from consumer.kafka.lag import Lag, Offsets
from consumer.metrics import ConsumerMetrics
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.group_offsets import FakeGroupOffsets

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable")]

FOUR_LEFT = Offsets(0, 10, 6)


class Fixture:
    """The lag of one partition, of which record 6 is 30 s old and record 9 one."""

    def __init__(self, offsets: Offsets = FOUR_LEFT) -> None:
        self.time = FakeTime()
        self.kafka = FakeGroupOffsets({0: offsets})
        for offset, age_s in ((6, 30), (9, 1)):
            self.kafka.timestamps[0, offset] = int((self.time.now_s - age_s) * 1000)
        self.registry = CollectorRegistry()
        self.connects = 0
        self.metrics = ConsumerMetrics(self.registry)
        self.lag = Lag(self._connect, self.time.clock, self.metrics)
        self.lag.check()

    def _connect(self) -> FakeGroupOffsets:
        self.connects += 1
        return self.kafka

    def told(self, after_s: float = 0) -> list[float | None]:
        """Return the messages and the seconds that the gauges show later, to a millisecond."""
        self.time.now_s += after_s
        gauges = ("consumer_lag_messages", "consumer_lag_seconds")
        values = [self.registry.get_sample_value(gauge, {"partition": "0"}) for gauge in gauges]
        return [None if value is None else round(value, 3) for value in values]


@pytest.mark.parametrize(
    ("offsets", "after_s", "told"),
    [
        (FOUR_LEFT, 0, [4, 30]),  # to the end, and the age of the oldest
        (FOUR_LEFT, 5, [4, 35]),  # which is that of the moment at which it is asked for
        (Offsets(0, 10, 10), 3_600, [0, 0]),  # a quiet topic is not a slow consumer
        (Offsets(0, 10, 12), 0, [0, 0]),  # a topic that was made anew
        (Offsets(beginning=3, end=10), 0, [7, 0]),  # without an offset, all that the log has
        (Offsets(beginning=8, end=10, committed=2), 0, [2, 0]),  # what retention took is gone
    ],
)
def test_what_is_not_committed_waits(
    offsets: Offsets, after_s: float, told: list[float | None]
) -> None:
    """It is what is there to be processed, and never less than nothing."""
    assert Fixture(offsets).told(after_s) == told


@pytest.mark.parametrize(
    ("offsets", "told", "asked"),
    [
        (FOUR_LEFT, [4, 30], [6]),  # its time does not change while it waits
        (Offsets(0, 10, 9), [1, 1], [6, 9]),  # progress makes it younger
        (Offsets(0, 10, 7), [3, 30], [6, 7]),  # what cannot be read must not look young
    ],
)
def test_a_record_is_looked_at_once(
    offsets: Offsets, told: list[float | None], asked: list[int]
) -> None:
    """One whose time is unknown is as old as the one before."""
    it = Fixture()
    it.kafka.partitions[0] = offsets
    it.lag.check()
    assert it.told() == told
    assert it.kafka.asked == [(0, offset) for offset in asked]


def test_while_kafka_is_away_it_goes_on_growing_older() -> None:
    """Nothing can be committed meanwhile; afterwards it is asked over a new connection."""
    it = Fixture()
    it.kafka.error = KafkaTimeoutError("away")
    it.time.now_s += 60
    it.lag.check()
    assert it.told() == [4, 90]
    it.kafka.error = None
    it.kafka.partitions[0] = Offsets(0, 10, 10)
    it.lag.check()
    assert it.told() == [0, 0]
    assert (it.connects, it.kafka.closed) == (2, 1)
    # answers alone count: who reads the gauges can tell whether they are newer than something else
    assert it.registry.get_sample_value("consumer_lag_readings_total") == 2


def test_a_partition_that_is_not_there_any_more_has_no_lag() -> None:
    """It leaves no gauge behind, and a scrape that has begun and still holds it survives."""
    it = Fixture()
    gauge = it.metrics.lag_seconds.labels("0")
    it.kafka.partitions = {1: Offsets(0, 1)}
    it.lag.check()
    assert it.told() == [None, None]
    (sample,) = next(iter(gauge.collect())).samples
    assert sample.value == 0


def test_its_thread_survives_what_nobody_expects() -> None:
    """Gauges that stand still for ever would be a lie."""
    told = threading.Event()

    def connect() -> FakeGroupOffsets:
        if told.is_set():
            return FakeGroupOffsets({})
        told.set()
        raise RuntimeError("nobody expects this")

    metrics = ConsumerMetrics(CollectorRegistry())
    lag = Lag(connect, FakeTime().clock, metrics, every_s=0.001)
    lag.start()
    assert told.wait(10)
    lag.stop()
    lag.join(10)
    assert not lag.running
