"""Sending many records with little work for each, to the places where kafka-python puts them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.errors import IllegalStateError, MessageSizeTooLargeError
from kafka.future import Future
from kafka.partitioner import DefaultPartitioner
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.structs import TopicPartition

from consumer.kafka.limits import TopicLimits
from consumer.kafka.producer import BatchingProducer, TopicAwayError

pytestmark = pytest.mark.timing

TOPIC = "bid_decisions"
REQUESTS = "bid_requests"
FEWER = "bid_requests_of_two_partitions"


class FakeCluster:
    """What a client knows of a topic with seven partitions, of which some can lack a leader."""

    def __init__(self) -> None:
        self.leaderless: set[int] = set()
        self.unauthorized_topics: set[str] = set()
        self.known = {TOPIC}
        self.asked = 0

    def topics(self) -> set[str]:
        """Return what is there."""
        return self.known

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return them; None of a topic that is not known."""
        if topic == FEWER and FEWER in self.known:
            return {0, 1}
        return set(range(7)) if topic in self.known else None

    def available_partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return those with a leader."""
        return (self.partitions_for_topic(topic) or set()) - self.leaderless

    def leader_for_partition(self, at: TopicPartition) -> int:
        """Return a broker, -1 for none."""
        return -1 if at.partition in self.leaderless else 1

    def set_topics(self, _topics: list[str]) -> None:
        """Ask for no others."""

    def request_update(self) -> Future:
        """Answer at once: with nothing new to the first question, with TOPIC to the second."""
        self.asked += 1
        if self.asked == 2:
            self.known = {TOPIC}
        return Future().success(self)


class Unconnected(BatchingProducer):
    """The producer without its network: kafka-python's own queue of batches, and no sender."""

    def __init__(self) -> None:
        self._closed = False
        self._limits = TopicLimits(lambda: {TOPIC: 1_048_576})
        self.config = KafkaProducer.DEFAULT_CONFIG | {"api_version": (4, 0)}
        self._metadata = self.cluster = FakeCluster()
        self._transaction_manager: Any = None
        self._accumulator = RecordAccumulator(batch_size=1000)
        self.wakened: list[bool] = []
        self.asked: list[str] = []
        self._sender = SimpleNamespace(
            wakeup=lambda: self.wakened.append(self._accumulator.flush_in_progress()),
            add_topic=self.asked.append,
        )

    def end(self) -> None:
        """Leave kafka-python nothing to close."""
        self._closed = True

    def queued(self) -> dict[int, int]:
        """Return how many records wait, by partition."""
        waiting = self._accumulator._batches.items()  # noqa: SLF001  kafka-python's own
        return {tp.partition: sum(b.record_count for b in batches) for tp, batches in waiting}


@pytest.fixture
def producer() -> Iterator[Unconnected]:
    """Return a producer, which is closed after the test."""
    made = Unconnected()
    yield made
    made.end()


@pytest.fixture
def sent_by_kafka(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """Return the values that kafka-python's own `send` is called with."""
    sent: list[bytes | None] = []
    monkeypatch.setattr(KafkaProducer, "send", lambda _self, _topic, **of: sent.append(of["value"]))
    return sent


@pytest.mark.parametrize("key", [b"", b"r-1", b"\xff" * 9, b"6b1c4e2a-8d1f-4c57-9a53-0de1f1a0c3b7"])
def test_a_key_has_the_partition_that_kafka_python_gives_it(
    producer: Unconnected, key: bytes
) -> None:
    """Decisions on one id stay in order with those that were written by its own send."""
    where = DefaultPartitioner().partition(TOPIC, key, key, b"", b"", FakeCluster())
    producer.send(TOPIC, key=key, value=b"v", headers=[("h", b"1")])
    assert producer.queued() == {where: 1}


def test_what_belongs_together_lies_together(producer: Unconnected) -> None:
    """A record goes beside the partition that it is about, whatever its key is."""
    producer.cluster.known = {TOPIC, REQUESTS}
    for number in (0, 6):
        producer.send(TOPIC, key=b"r-1", value=b"v", headers=[], beside=(REQUESTS, number))
    assert producer.queued() == {0: 1, 6: 1}


def test_a_large_record_goes_beside_its_like_as_well(
    producer: Unconnected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka-python's own send is told the partition."""
    placed: list[int] = []
    monkeypatch.setattr(
        KafkaProducer, "send", lambda _self, _topic, **of: placed.append(of["partition"])
    )
    producer.cluster.known = {TOPIC, REQUESTS}
    large = b"x" * 200_000
    producer.send(TOPIC, key=b"r-1", value=large, headers=[], beside=(REQUESTS, 5))
    assert placed == [5]


@pytest.mark.parametrize("other", [FEWER, "a topic that is not known"])
def test_beside_another_number_of_partitions_the_key_decides(
    producer: Unconnected, other: str
) -> None:
    """There may be no partition of that number, and some would never get a record."""
    producer.cluster.known = {TOPIC, FEWER}
    where = DefaultPartitioner().partition(TOPIC, b"r-1", b"r-1", b"", b"", FakeCluster())
    producer.send(TOPIC, key=b"r-1", value=b"v", headers=[], beside=(other, 1))
    assert producer.queued() == {where: 1}


def test_the_sender_is_wakened_for_new_batches_and_full_ones_alone(producer: Unconnected) -> None:
    """What goes into a batch that has begun wakes nobody."""
    for _ in range(3):
        producer.send(TOPIC, key=b"k", value=b"x" * 100, headers=[])
    assert len(producer.wakened) == 1
    producer.send(TOPIC, key=b"k", value=b"x" * 990, headers=[])
    assert len(producer.wakened) == 2


@pytest.mark.parametrize(
    ("key", "value"), [(None, b"v"), (b"k", None), (b"k", b"x" * 100_000), (b"k" * 100_000, b"")]
)
def test_unusual_records_are_left_to_kafka_python(
    producer: Unconnected,
    sent_by_kafka: list[bytes | None],
    key: bytes | None,
    value: bytes | None,
) -> None:
    """Without a key or a value, or so large that a limit may be near."""
    producer.send(TOPIC, key=key, value=value, headers=[])
    assert sent_by_kafka == [value]
    assert producer.queued() == {}


def test_headers_make_a_record_large_as_well(
    producer: Unconnected, sent_by_kafka: list[bytes | None]
) -> None:
    """A header can have any size: a record is no small one with a large one."""
    producer.send(TOPIC, key=b"k", value=b"v", headers=[("h", b"x" * 100_000)])
    assert sent_by_kafka == [b"v"]


def test_a_transaction_is_left_to_kafka_python(
    producer: Unconnected, sent_by_kafka: list[bytes | None]
) -> None:
    """A partition has to be added to it before the first record."""
    producer._transaction_manager = SimpleNamespace(is_transactional=lambda: True)  # noqa: SLF001  kafka-python's own
    producer.send(TOPIC, key=b"k", value=b"1", headers=[])
    producer._transaction_manager = SimpleNamespace(is_transactional=lambda: False)  # noqa: SLF001  the same
    producer.send(TOPIC, key=b"k", value=b"2", headers=[])
    assert sent_by_kafka == [b"1"]


def test_a_producer_that_is_closed_says_so(producer: Unconnected) -> None:
    """A topic that it does not know is not looked for any more."""
    producer.end()
    with pytest.raises(IllegalStateError):
        producer.send("another", key=b"k", value=b"v", headers=[])
    assert producer.asked == []


def test_a_record_over_the_topics_limit_is_not_sent(producer: Unconnected) -> None:
    """The broker's refusal would be fatal to the producer, and to all that it has in hand."""
    with pytest.raises(MessageSizeTooLargeError):
        producer.send(TOPIC, key=b"k", value=b"x" * 1_048_576, headers=[])
    producer.send(TOPIC, key=b"k", value=b"x" * 1_048_000, headers=[])
    assert producer.wakened


KINDS = pytest.mark.parametrize(
    ("key", "value"),
    [(b"k", b"v"), (None, b"v"), (b"k", None), (b"k", b"x" * 200_000)],
    ids=["usual", "without-key", "without-value", "large"],
)


class TestTopicThatIsAway:
    """An attempt costs no time: the records of all others wait behind it."""

    @KINDS
    def test_a_topic_that_is_not_known_is_asked_for_and_not_waited_for(
        self, producer: Unconnected, key: bytes | None, value: bytes | None
    ) -> None:
        """Whatever the record is like."""
        with pytest.raises(TopicAwayError, match="Kafka does not know it"):
            producer.send("another", key=key, value=value, headers=[])
        assert (producer.asked, producer.cluster.asked) == (["another"], 1)

    @KINDS
    def test_a_partition_without_a_leader_is_not_waited_for(
        self, producer: Unconnected, key: bytes | None, value: bytes | None
    ) -> None:
        """A record that stays in the queue costs the producer its place, and others with it."""
        producer.cluster.leaderless = set(range(7))
        with pytest.raises(TopicAwayError, match="a partition has no leader"):
            producer.send(TOPIC, key=key, value=value, headers=[])
        assert producer.queued() == {}

    def test_a_topic_is_away_without_a_leader_or_altogether(self, producer: Unconnected) -> None:
        """One partition that can be written to is enough to go on waiting."""
        assert producer.is_away("another")
        producer.cluster.leaderless = set(range(6))
        assert not producer.is_away(TOPIC)
        producer.cluster.leaderless = set(range(7))
        assert producer.is_away(TOPIC)

    def test_a_topic_that_may_not_be_seen_is_told_apart(self, producer: Unconnected) -> None:
        """It is not missing, and somebody has to let this service in."""
        producer.cluster.unauthorized_topics = {"another"}
        with pytest.raises(TopicAwayError, match="closed to this service"):
            producer.send("another", key=b"k", value=b"v", headers=[])

    def test_a_topic_that_goes_while_it_is_written_to_is_not_waited_for(
        self, producer: Unconnected, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """kafka-python looks it up once more, and would wait there."""
        seen = iter([set(range(7)), set(range(7))])  # by the producer, and by its look at leaders
        monkeypatch.setattr(
            producer.cluster, "partitions_for_topic", lambda _topic: next(seen, None)
        )
        with pytest.raises(TopicAwayError):
            producer.send(TOPIC, key=None, value=b"v", headers=[])

    def test_a_topic_that_goes_before_a_partition_is_chosen_is_no_crash(
        self, producer: Unconnected, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """kafka-python calls it a ValueError, which is what it calls a wrong record too."""
        seen = iter([set(range(7))] * 3)
        monkeypatch.setattr(
            producer.cluster, "partitions_for_topic", lambda _topic: next(seen, None)
        )
        monkeypatch.setattr(producer.cluster, "topics", set)
        with pytest.raises(TopicAwayError):
            producer.send(TOPIC, key=None, value=b"v", headers=[])

    def test_what_kafka_python_finds_wrong_with_a_record_stays_an_error(
        self, producer: Unconnected
    ) -> None:
        """Neither key nor value is nothing that a later attempt could mend."""
        with pytest.raises(ValueError, match="key or value"):
            producer.send(TOPIC, key=None, value=None, headers=[])

    def test_topics_are_known_before_the_first_record(self, producer: Unconnected) -> None:
        """It asks until it is told, twice where the first answer was to an earlier question."""
        producer.cluster.known = set()
        producer.learn([TOPIC], 60)
        assert producer.cluster.asked == 2
        producer.learn([TOPIC], 60)
        assert producer.cluster.asked == 2

    def test_a_topic_that_does_not_come_is_not_waited_for_at_the_start(
        self, producer: Unconnected
    ) -> None:
        """Two answers without it are enough: what is written to the others must not wait."""
        producer.learn([TOPIC, "another"], 60)
        assert producer.cluster.asked == 2


def test_while_somebody_waits_nothing_waits_for_company(producer: Unconnected) -> None:
    """The sender is told so at once, and no longer than the wait takes, however it ends."""
    with pytest.raises(TimeoutError), producer.expedited():
        raise TimeoutError
    assert producer.wakened == [True]
    assert not producer._accumulator.flush_in_progress()  # noqa: SLF001  kafka-python's own
