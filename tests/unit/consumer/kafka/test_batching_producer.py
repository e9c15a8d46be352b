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

from consumer.kafka.limits import TopicLimits
from consumer.kafka.producer import BatchingProducer, TopicAwayError

pytestmark = [pytest.mark.timing, pytest.mark.promise("fast")]

TOPIC, REQUESTS, FEWER = "bid_decisions", "bid_requests", "bid_requests_of_two_partitions"
ALL = set(range(7))


class FakeCluster(SimpleNamespace):
    """What a client knows of topics with seven partitions, of which some can lack a leader.

    Each look at a topic's partitions is counted; after `forgets_after` of them none is known. The
    second update brings TOPIC.
    """

    def __init__(self, *known: str) -> None:
        super().__init__(leaderless=set(), unauthorized_topics=set(), known={*known})
        self.asked = self.looks = 0
        self.forgets_after = 1_000

    def topics(self) -> set[str]:
        """Return what is there."""
        return self.known if self.looks < self.forgets_after else set()

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return them; None of a topic that is not known."""
        self.looks += 1
        if self.looks > self.forgets_after or topic not in self.known:
            return None
        return {0, 1} if topic == FEWER else ALL

    def available_partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return those with a leader."""
        led: set[int] = (self.partitions_for_topic(topic) or set()) - self.leaderless
        return led

    def leader_for_partition(self, at: Any) -> int:  # noqa: ANN401  a TopicPartition
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
        self._metadata = self.cluster = FakeCluster(TOPIC, REQUESTS, FEWER)
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

    def put(self, value: bytes | None = b"v", key: bytes | None = b"r-1", **given: Any) -> None:  # noqa: ANN401  as `send`
        """Send a record."""
        self.send(**{"topic": TOPIC, "key": key, "value": value, "headers": [], **given})

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
def sent_by_kafka(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes | None, int | None]]:
    """Return the values and partitions that kafka-python's own `send` is called with."""
    sent: list[tuple[bytes | None, int | None]] = []
    monkeypatch.setattr(
        KafkaProducer,
        "send",
        lambda _self, _topic, **of: sent.append((of["value"], of.get("partition"))),
    )
    return sent


def by_key(key: bytes) -> int:
    """Return the partition that kafka-python gives a key."""
    where: int = DefaultPartitioner().partition(TOPIC, key, key, b"", b"", FakeCluster(TOPIC))
    return where


@pytest.mark.parametrize(
    ("key", "beside", "where"),
    [
        # decisions on one id stay in order with those that were written by its own send
        *((key, None, by_key(key)) for key in (b"", b"r-1", b"\xff" * 9, b"6b1c4e2a-8d1f")),
        # what belongs together lies together, whatever the key is
        (b"r-1", (REQUESTS, 0), 0),
        (b"r-1", (REQUESTS, 6), 6),
        # there may be no partition of that number, and some would never get a record
        (b"r-1", (FEWER, 1), by_key(b"r-1")),
        (b"r-1", ("a topic that is not known", 1), by_key(b"r-1")),
    ],
)
def test_a_record_goes_beside_its_like_or_where_its_key_belongs(
    producer: Unconnected, key: bytes, beside: tuple[str, int] | None, where: int
) -> None:
    """As kafka-python's own `send` places it."""
    producer.put(key=key, headers=[("h", b"1")], beside=beside)
    assert producer.queued() == {where: 1}


def test_the_sender_is_wakened_for_new_batches_and_full_ones_alone(producer: Unconnected) -> None:
    """What goes into a batch that has begun wakes nobody."""
    for _ in range(3):
        producer.put(b"x" * 100)
    assert len(producer.wakened) == 1
    producer.put(b"x" * 990)
    assert len(producer.wakened) == 2


@pytest.mark.parametrize(
    "given",
    [
        {"key": None, "beside": None},
        {"value": None},
        {"value": b"x" * 100_000},
        {"key": b"k" * 100_000},
        {"headers": [("h", b"x" * 100_000)]},
    ],
    ids=["without-key", "without-value", "large-value", "large-key", "large-headers"],
)
def test_unusual_records_are_left_to_kafka_python(
    producer: Unconnected,
    sent_by_kafka: list[tuple[bytes | None, int | None]],
    given: dict[str, Any],
) -> None:
    """Without a key or a value, or so large that a limit may be near; it is told the partition."""
    given = {"beside": (REQUESTS, 5), **given}
    producer.put(**given)
    assert sent_by_kafka == [(given.get("value", b"v"), 5 if given["beside"] else None)]
    assert producer.queued() == {}


def test_a_transaction_is_left_to_kafka_python(
    producer: Unconnected, sent_by_kafka: list[tuple[bytes | None, int | None]]
) -> None:
    """A partition has to be added to it before the first record."""
    for is_transactional in (True, False):
        manager = SimpleNamespace(is_transactional=lambda: is_transactional)  # noqa: B023  called in here
        producer._transaction_manager = manager  # noqa: SLF001  kafka-python's own
        producer.put(str(is_transactional).encode())
    assert [value for value, _ in sent_by_kafka] == [b"True"]


def test_a_producer_that_is_closed_says_so(producer: Unconnected) -> None:
    """A topic that it does not know is not looked for any more."""
    producer.end()
    with pytest.raises(IllegalStateError):
        producer.put(topic="another")
    assert producer.asked == []


def test_a_record_over_the_topics_limit_is_not_sent(producer: Unconnected) -> None:
    """The broker's refusal would be fatal to the producer, and to all that it has in hand."""
    with pytest.raises(MessageSizeTooLargeError):
        producer.put(b"x" * 1_048_576)
    producer.put(b"x" * 1_048_000)
    assert producer.wakened


@pytest.mark.promise("record-isolation")
class TestTopicThatIsAway:
    """An attempt costs no time: the records of all others wait behind it."""

    @pytest.mark.parametrize(
        ("key", "value"),
        [(b"k", b"v"), (None, b"v"), (b"k", None), (b"k", b"x" * 200_000)],
        ids=["usual", "without-key", "without-value", "large"],
    )
    def test_what_is_not_known_or_led_is_asked_for_and_not_waited_for(
        self, producer: Unconnected, key: bytes | None, value: bytes | None
    ) -> None:
        """A record that stays in the queue costs the producer its place, and others with it."""
        with pytest.raises(TopicAwayError, match="Kafka does not know it"):
            producer.put(value, key, topic="another")
        assert (producer.asked, producer.cluster.asked) == (["another"], 1)
        producer.cluster.leaderless = ALL
        with pytest.raises(TopicAwayError, match="a partition has no leader"):
            producer.put(value, key)
        assert producer.queued() == {}

    def test_a_topic_is_away_without_a_leader_or_altogether(self, producer: Unconnected) -> None:
        """One partition that can be written to is enough to go on waiting."""
        assert producer.is_away("another")
        producer.cluster.leaderless = set(range(6))
        assert not producer.is_away(TOPIC)
        producer.cluster.leaderless = ALL
        assert producer.is_away(TOPIC)

    def test_a_topic_that_may_not_be_seen_is_told_apart(self, producer: Unconnected) -> None:
        """It is not missing, and somebody has to let this service in."""
        producer.cluster.unauthorized_topics = {"another"}
        with pytest.raises(TopicAwayError, match="closed to this service"):
            producer.put(topic="another")

    @pytest.mark.parametrize("looks", [2, 3])
    def test_a_topic_that_goes_while_it_is_written_to_is_not_waited_for(
        self, producer: Unconnected, looks: int
    ) -> None:
        """kafka-python would wait for it, or call it a ValueError as it does a wrong record."""
        producer.cluster.forgets_after = looks
        with pytest.raises(TopicAwayError):
            producer.put(key=None)

    def test_what_kafka_python_finds_wrong_with_a_record_stays_an_error(
        self, producer: Unconnected
    ) -> None:
        """Neither key nor value is nothing that a later attempt could mend."""
        with pytest.raises(ValueError, match="key or value"):
            producer.put(None, None)

    def test_topics_are_known_before_the_first_record(self, producer: Unconnected) -> None:
        """It asks until it is told, but no more than twice: the others must not wait for one."""
        producer.cluster.known = set()
        for topics, asked in (([TOPIC], 2), ([TOPIC], 2), ([TOPIC, "another"], 4)):
            producer.learn(topics, 60)
            assert producer.cluster.asked == asked


def test_while_somebody_waits_nothing_waits_for_company(producer: Unconnected) -> None:
    """The sender is told so at once, and no longer than the wait takes, however it ends."""
    with pytest.raises(TimeoutError), producer.expedited():
        raise TimeoutError
    assert producer.wakened == [True]
    assert not producer._accumulator.flush_in_progress()  # noqa: SLF001  kafka-python's own
