"""What a topic takes, and how large a record is to Kafka."""

from __future__ import annotations

import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecordsBuilder

from consumer.kafka.clients import size_options
from consumer.kafka.limits import ESTIMATED_BYTES, TopicLimits, batch_bytes
from tests.support.fakes.consumer_clock import FakeTime

pytestmark = pytest.mark.promise("recovers")


class Topics:
    """What Kafka says of the limits, and how often it was asked."""

    def __init__(self, **limits: int) -> None:
        self.time = FakeTime()
        self.limits = limits
        self.asked = 0
        self.known = TopicLimits(self._answer, self.time.clock.monotonic)
        self.known.refresh()

    def refuses(self, topic: str, size: int) -> None:
        """See that a record of that size does not fit."""
        with pytest.raises(MessageSizeTooLargeError, match=f"{size} bytes, where"):
            self.known.check(topic, size)

    def _answer(self) -> dict[str, int]:
        self.asked += 1
        if not self.limits:
            raise KafkaTimeoutError
        return dict(self.limits)


def test_each_topic_has_its_own_limit() -> None:
    """A dead letter may be larger than a decision."""
    topics = Topics(decisions=1_000, letters=2_000)
    topics.known.check("letters", 2_000)
    topics.refuses("decisions", 1_001)


def test_a_limit_that_was_raised_is_found_out() -> None:
    """Where a record does not fit, Kafka is asked anew, and no more than once a minute."""
    topics = Topics(letters=1_000)
    topics.limits = {"letters": 5_000}
    topics.refuses("letters", 3_000)
    topics.time.sleep(60)
    topics.known.check("letters", 3_000)
    for _ in range(3):
        topics.refuses("letters", 6_000)
    assert topics.asked == 2


def test_what_was_known_is_kept_while_kafka_does_not_tell() -> None:
    """And the next record does not ask again at once."""
    topics = Topics(letters=1_000)
    topics.limits = {}
    topics.time.sleep(60)
    for _ in range(3):
        topics.refuses("letters", 1_001)
    topics.known.check("letters", 1_000)
    assert topics.asked == 2


def test_the_producer_is_set_up_for_all_topics() -> None:
    """It sends the largest that any takes, and batches that all take; what is small passes."""
    topics = Topics(decisions=20_000, letters=5_000_000)
    options = size_options(topics.known)
    assert options == {"max_request_size": 5_000_000, "batch_size": 20_000}
    assert options.keys() <= KafkaProducer.DEFAULT_CONFIG.keys()
    assert Topics(decisions=10_000_000, letters=8_000).known.small == 1_000
    assert Topics(decisions=10_000_000).known.small == 100_000


@pytest.mark.parametrize("value", [None, b"", b"v", b"v" * 63, b"v" * 64, b"v" * 70_000])
@pytest.mark.parametrize("key", [None, b"", b"k" * 200])
@pytest.mark.parametrize("headers", [[], [("h", b"")], [("ä" * 99, b"x" * 9_000)] * 3])
def test_a_records_size_is_that_of_its_batch(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """To the byte what kafka-python writes."""
    batch = MemoryRecordsBuilder(2, 0, 1_000_000)
    batch.append(1_700_000_000_000, key, value, headers)
    batch.close()
    size = batch_bytes(key, value, headers)
    assert size == batch.size_in_bytes()
    estimate = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
    assert size <= estimate <= size + ESTIMATED_BYTES
