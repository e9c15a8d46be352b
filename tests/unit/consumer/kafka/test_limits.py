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


class Topics:
    """What Kafka says of the limits, and how often it was asked."""

    def __init__(self, **limits: int) -> None:
        self.time = FakeTime()
        self.limits = limits
        self.away = False
        self.asked = 0
        self.known = TopicLimits(self.ask, self.time.clock.monotonic)
        self.known.refresh()

    def ask(self) -> dict[str, int]:
        """Tell, or be away."""
        self.asked += 1
        if self.away:
            raise KafkaTimeoutError
        return dict(self.limits)


class TestTopicLimits:
    """What the broker would refuse is not sent."""

    def test_each_topic_has_its_own(self) -> None:
        """A dead letter may be larger than a decision."""
        topics = Topics(decisions=1_000, letters=2_000)
        topics.known.check("letters", 2_000)
        with pytest.raises(MessageSizeTooLargeError, match="1001 bytes, where 1000 are taken"):
            topics.known.check("decisions", 1_001)

    def test_a_limit_that_was_raised_is_found_out(self) -> None:
        """Where a record does not fit, Kafka is asked anew, and no more than once a minute."""
        topics = Topics(letters=1_000)
        topics.limits = {"letters": 5_000}
        with pytest.raises(MessageSizeTooLargeError):
            topics.known.check("letters", 3_000)
        topics.time.sleep(60)
        topics.known.check("letters", 3_000)
        for _ in range(3):
            with pytest.raises(MessageSizeTooLargeError):
                topics.known.check("letters", 6_000)
        assert topics.asked == 2

    def test_what_was_known_is_kept_while_kafka_does_not_tell(self) -> None:
        """And the next record does not ask again at once."""
        topics = Topics(letters=1_000)
        topics.away = True
        topics.time.sleep(60)
        for _ in range(3):
            with pytest.raises(MessageSizeTooLargeError):
                topics.known.check("letters", 1_001)
        topics.known.check("letters", 1_000)
        assert topics.asked == 2

    def test_what_is_small_is_far_from_every_limit(self) -> None:
        """Records that are not measured can be no trouble to a topic with a low limit."""
        assert Topics(decisions=10_000_000, letters=8_000).known.small == 1_000
        assert Topics(decisions=10_000_000).known.small == 100_000

    def test_the_producer_is_set_up_for_all_of_them(self) -> None:
        """It sends the largest that any takes, and batches that all take."""
        options = size_options(Topics(decisions=20_000, letters=5_000_000).known)
        assert options == {"max_request_size": 5_000_000, "batch_size": 20_000}
        assert options.keys() <= KafkaProducer.DEFAULT_CONFIG.keys()


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
