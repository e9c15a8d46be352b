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

pytestmark = pytest.mark.timing


class Fixture:
    """The lag of one partition, which begins with four of ten records left."""

    def __init__(self, offsets: Offsets | None = None) -> None:
        self.time = FakeTime()
        self.kafka = FakeGroupOffsets({0: offsets or Offsets(0, 10, 6)})
        self.kafka.timestamps[0, 6] = int((self.time.now_s - 30) * 1000)
        self.registry = CollectorRegistry()
        self.connects = 0
        self.metrics = ConsumerMetrics(self.registry)
        self.lag = Lag(self._connect, self.time.clock, self.metrics)
        self.lag.check()

    def _connect(self) -> FakeGroupOffsets:
        self.connects += 1
        return self.kafka

    def told(self) -> list[float | None]:
        """Return the messages and the seconds that the gauges show, to a millisecond."""
        gauges = ("consumer_lag_messages", "consumer_lag_seconds")
        values = [self.registry.get_sample_value(gauge, {"partition": "0"}) for gauge in gauges]
        return [None if value is None else round(value, 3) for value in values]


def test_what_is_not_committed_waits() -> None:
    """Messages are the distance from the group's offset to the end, seconds the oldest's age."""
    assert Fixture().told() == [4, 30]


def test_it_grows_older_between_two_questions() -> None:
    """The age is that of the moment at which it is asked for."""
    it = Fixture()
    it.time.now_s += 5
    assert it.told() == [4, 35]


def test_each_answer_of_kafka_s_is_counted() -> None:
    """Whoever reads the gauges can tell whether they are newer than something else."""
    it = Fixture()
    it.lag.check()
    it.kafka.error = KafkaTimeoutError()
    it.lag.check()
    assert it.registry.get_sample_value("consumer_lag_readings_total") == 2


def test_nothing_waiting_is_no_lag() -> None:
    """A quiet topic is not a slow consumer, however old its last record is."""
    it = Fixture(Offsets(0, 10, 10))
    it.time.now_s += 3_600
    assert it.told() == [0, 0]


def test_a_group_without_an_offset_has_everything_before_it() -> None:
    """It lags behind by what the log has."""
    it = Fixture(Offsets(beginning=3, end=10))
    assert it.told()[0] == 7


def test_what_retention_took_does_not_wait() -> None:
    """There is nothing left of it to be processed."""
    assert Fixture(Offsets(beginning=8, end=10, committed=2)).told()[0] == 2


def test_a_position_beyond_the_end_is_no_negative_lag() -> None:
    """A topic that was made anew has fewer records than the group has committed."""
    assert Fixture(Offsets(0, 10, 12)).told() == [0, 0]


def test_a_record_is_looked_at_once() -> None:
    """Its time does not change while it waits."""
    it = Fixture()
    it.lag.check()
    assert it.kafka.asked == [(0, 6)]


def test_progress_makes_it_younger() -> None:
    """The next record that waits is another one."""
    it = Fixture()
    it.kafka.partitions[0] = Offsets(0, 10, 9)
    it.kafka.timestamps[0, 9] = int((it.time.now_s - 1) * 1000)
    it.lag.check()
    assert it.told() == [1, 1]


def test_a_record_whose_time_is_unknown_is_as_old_as_the_one_before() -> None:
    """What cannot be read must not look young."""
    it = Fixture()
    it.kafka.partitions[0] = Offsets(0, 10, 7)
    it.lag.check()
    assert it.told() == [3, 30]


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


def test_a_partition_that_is_not_there_any_more_has_no_lag() -> None:
    """A topic that was made anew with fewer partitions leaves no gauge behind."""
    it = Fixture()
    it.kafka.partitions = {1: Offsets(0, 1)}
    it.lag.check()
    assert it.told() == [None, None]


def test_a_scrape_that_has_begun_survives_it() -> None:
    """It may still hold the gauge of a partition that has just gone."""
    it = Fixture()
    gauge = it.metrics.lag_seconds.labels("0")
    it.kafka.partitions = {}
    it.lag.check()
    (sample,) = next(iter(gauge.collect())).samples
    assert sample.value == 0


def test_its_thread_survives_what_nobody_expects() -> None:
    """Gauges that stand still for ever would be a lie."""
    time = FakeTime()
    told = threading.Event()
    kafka = FakeGroupOffsets({})

    def connect() -> FakeGroupOffsets:
        if told.is_set():
            return kafka
        told.set()
        raise RuntimeError("nobody expects this")

    lag = Lag(connect, time.clock, ConsumerMetrics(CollectorRegistry()), every_s=0.001)
    lag.start()
    assert told.wait(10)
    lag.stop()
    lag.join(10)
    assert not lag.running
