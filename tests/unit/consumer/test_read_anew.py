"""A log that is another one now: cut short, or made anew under the same name."""

from __future__ import annotations

import pytest
from kafka.errors import (
    KafkaError,
    LogTruncationError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
)
from kafka.structs import OffsetAndMetadata

from consumer.dlq.limit import DlqLimit
from consumer.errors import SinkBackpressureError
from consumer.kafka.reading import UnreadableError
from consumer.processing.processor import Guards
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer, Sent
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_transactions import FakeTransactions
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

pytestmark = pytest.mark.timing

CUT_SHORT = LogTruncationError({partition(): OffsetAndMetadata(1, "", -1)})


def fill(source: FakeKafkaConsumer, prefix: bytes, count: int) -> None:
    """Append so many requests."""
    for number in range(count):
        source.add(b'{"id":"%s-%d"}' % (prefix, number))


@pytest.mark.parametrize("exactly_once", [False, True])
def test_what_waits_of_the_old_log_is_forgotten(*, exactly_once: bool) -> None:
    """Its offsets belong to other records now, and nothing may be committed past those."""
    away = [True]
    sink = FakeSink(at_wait=lambda _decided: SinkBackpressureError("away") if away else None)
    source = FakeKafkaConsumer()
    fill(source, b"old", 4)
    broker = FakeTransactions(source) if exactly_once else None
    service = Wiring(source, sinks=[sink], broker=broker)
    service.go_round()
    del source.log[partition()][1:]
    fill(source, b"new", 5)
    source.poll_errors = [CUT_SHORT]
    service.go_round()
    away.clear()
    service.time.now_s += 60
    service.go_round(2)
    assert source.committed == {partition(): 6}
    acknowledged = {decided.request.id for decided in sink.acknowledged}
    assert acknowledged >= {f"new-{number}" for number in range(5)}


def test_a_partition_that_could_not_be_read_is_read_on() -> None:
    """With the bytes that could not be read, the reason to hold it is gone."""
    source = FakeKafkaConsumer()
    service = Wiring(source)
    service.go_round()
    source.poll_errors = [UnreadableError(partition(), 0, ValueError("broken")), CUT_SHORT]
    service.go_round(2)
    fill(source, b"new", 1)
    service.go_round()
    assert source.paused == set()
    assert len(service.producer.to(DECISIONS)) == 1


def test_a_topic_made_anew_begins_a_new_row_of_dead_letters() -> None:
    """Good records end a row, also at offsets where others have been."""
    source = FakeKafkaConsumer()
    fill(source, b"old", 200)
    service = Wiring(source, guards=Guards(limit=DlqLimit(5, 0.5)))
    service.go_round()
    source.log[partition()] = []
    for number in range(100):
        source.add(b"rubbish" if number % 10 == 0 else b'{"id":"new"}')
    source.poll_errors = [OffsetOutOfRangeError({partition(): 200})]
    service.go_round(2)
    assert source.committed == {partition(): 100}


def test_a_letter_of_a_topic_made_anew_is_whole() -> None:
    """What the broker refused of another record at that place says nothing of this one."""
    source = FakeKafkaConsumer()
    source.add(b"old rubbish")
    service = Wiring(source)
    service.producer.failing = with_a_value
    service.make_producer = strict
    service.go_round()
    source.log[partition()] = []
    source.add(b"new rubbish")
    source.poll_errors = [OffsetOutOfRangeError({partition(): 1})]
    service.make_producer = FakeProducer
    service.publisher.replace()
    service.go_round(2)
    assert [sent.value for sent in service.producer.to(DEAD_LETTERS)] == [b"new rubbish"]


def with_a_value(sent: Sent) -> KafkaError | None:
    """Say what a broker does that takes no letter with a value."""
    return MessageSizeTooLargeError("limit") if sent.value else None


def strict() -> FakeProducer:
    """Return a producer that meets such a broker."""
    producer = FakeProducer()
    producer.failing = with_a_value
    return producer
