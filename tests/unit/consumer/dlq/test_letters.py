"""Dead letters always fit: whole where they can, else without what is too large."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from consumer.dlq.letter import FORMS, SMALLEST_BYTES, forms, is_whole
from consumer.errors import InvalidMessage, Reason, Stage
from consumer.kafka.limits import batch_bytes
from consumer.kafka.producer import TopicAwayError
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer, Sent
from tests.support.fakes.consumer_records import make_record, partition
from tests.support.fakes.consumer_transactions import FakeTransactions
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

VALUE = b"{" * 5_000
HEADERS = [("received-at", b"1699999999750")]
Failing = Callable[[Sent], KafkaError | None]


def size(sent: Sent) -> int:
    """Return the size of a record as Kafka measures it."""
    return batch_bytes(sent.key, sent.value, sent.headers)


def over(limit: int) -> Failing:
    """Refuse dead letters that are larger."""

    def refuse(sent: Sent) -> KafkaError | None:
        too_large = sent.topic == DEAD_LETTERS and size(sent) > limit
        return MessageSizeTooLargeError("limit") if too_large else None

    return refuse


def poisoned(source: FakeKafkaConsumer) -> None:
    """Put a large poison between two requests, and a request on another partition."""
    source.add(b'{"id":"before"}')
    source.add(VALUE, headers=HEADERS)
    source.add(b'{"id":"behind"}')
    source.add(b'{"id":"elsewhere"}', 1)


def fail(service: Wiring, where: str, failing: Failing) -> None:
    """Let all producers of a service fail as said, from the one in use on.

    `where` is "refusing", when they send, or "failing", when they are waited for.
    """
    make = service.make_producer

    def strict() -> FakeProducer:
        producer = make()
        setattr(producer, where, failing)
        return producer

    setattr(service.producer, where, failing)
    service.make_producer = strict


def wired(where: str, failing: Failing) -> Wiring:
    """Wire a service with a large poison, whose producers fail as said."""
    source = FakeKafkaConsumer(partitions=2)
    poisoned(source)
    service = Wiring(source)
    fail(service, where, failing)
    return service


def letters(service: Wiring) -> list[Sent]:
    """Return the dead letters that were acknowledged."""
    return [sent for producer in service.producers for sent in producer.to(DEAD_LETTERS)]


WHERE = pytest.mark.parametrize("where", ["refusing", "failing"])


class TestWithoutItsValue:
    """A poison that does not fit must not hold its partition, let alone the others."""

    @WHERE
    def test_a_value_that_is_too_large_is_named_by_its_hash(self, where: str) -> None:
        """Key and headers are kept, and where the record lies; known before or refused later."""
        service = wired(where, over(1_000))
        service.go_round(3)
        (letter,) = letters(service)
        assert (letter.key, letter.value) == (b"r-1", b"")
        assert letter.header("received-at") == "1699999999750"
        assert letter.header("dlq-value-bytes") == "5000"
        assert letter.header("dlq-value-sha256") == hashlib.sha256(VALUE).hexdigest()
        assert letter.header("dlq-offset") == "1"
        assert service.source.committed == {partition(0): 3, partition(1): 1}
        assert service.value("consumer_dead_letters_total", reason="not-json") == 1

    def test_what_the_broker_has_refused_is_asked_once(self) -> None:
        """Each refusal by a broker costs a producer: the next attempt is a smaller one at once."""
        service = wired("failing", over(1_000))
        service.go_round(3)
        sent = [s for producer in service.producers for s in producer.sent]
        assert len([s for s in sent if s.value == VALUE]) == 2  # with the others, and by itself

    @WHERE
    def test_headers_and_key_go_where_they_are_too_large(self, where: str) -> None:
        """Each is named by its size, and the key is kept as long as it fits."""
        source = FakeKafkaConsumer()
        source.add(b"{", headers=[("h", b"x" * 9_000)])
        source.add(b"{", key=b"k" * 9_000)
        service = Wiring(source)
        fail(service, where, over(2_000))
        service.go_round(6)
        first, second = letters(service)
        assert (first.key, first.value, first.header("dlq-headers-bytes")) == (b"r-1", b"", "9001")
        assert "h" not in dict(first.headers)
        assert (second.key, second.value, second.header("dlq-key-bytes")) == (None, b"", "9000")
        assert source.committed == {partition(): 2}

    @WHERE
    def test_when_every_form_is_refused_it_begins_again(self, where: str) -> None:
        """A topic that takes nothing holds the partition, and no other, until it does."""
        service = wired(where, over(0))
        service.go_round(20)
        assert service.source.committed == {partition(0): 1, partition(1): 1}
        assert letters(service) == []
        assert "a dead letter is refused" in service.health.not_ready()[0]
        service.make_producer = FakeProducer
        service.publisher.replace()
        for _ in range(FORMS):
            service.time.now_s += 5
            service.go_round()
        assert service.source.committed == {partition(0): 3, partition(1): 1}

    def test_a_topic_that_is_away_holds_the_partition_of_its_letter_alone(self) -> None:
        """And costs the producer nothing, which has the decisions of the others in hand."""
        service = wired(
            "refusing", lambda sent: TopicAwayError("gone") if sent.topic == DEAD_LETTERS else None
        )
        service.go_round(5)
        assert service.source.committed == {partition(0): 1, partition(1): 1}
        assert len(service.producers) == 1

    def test_a_topic_that_is_away_costs_a_letter_nothing(self) -> None:
        """An outage is no refusal: the value is there when the topic is back."""
        service = wired(
            "refusing",
            lambda sent: KafkaTimeoutError("away") if sent.topic == DEAD_LETTERS else None,
        )
        service.go_round(5)
        service.make_producer = FakeProducer
        service.publisher.replace()
        service.go_round(2)
        (letter,) = letters(service)
        assert letter.value == VALUE

    def test_in_a_transaction_the_smaller_letter_belongs_into_the_next(self) -> None:
        """The broker's refusal has ended the first, and nothing is there twice."""
        source = FakeKafkaConsumer(partitions=2)
        poisoned(source)
        broker = FakeTransactions(source)
        service = Wiring(source, broker=broker)
        fail(service, "failing", over(1_000))
        service.go_round(3)
        (letter,) = broker.to(DEAD_LETTERS)
        assert letter.header("dlq-value-bytes") == "5000"
        assert len(broker.to(DECISIONS)) == 3
        assert source.committed == {partition(0): 3, partition(1): 1}


@given(
    st.none() | st.binary() | st.just(b"v" * 2_000_000),
    st.none() | st.binary() | st.just(b"k" * 2_000_000),
    st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary()), max_size=5),
    st.text(max_size=900) | st.just("\U0001f4a5" * 900) | st.just("\ud800" * 900),
)
def test_the_last_form_of_any_record_fits(
    value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes | None]], words: str
) -> None:
    """Whatever is in the record and in the error, it takes less than the stated minimum."""
    record = make_record(value, key=key, headers=headers, offset=2**62)
    error = InvalidMessage(Reason.STRATEGY_TIMEOUT, Stage.DECODE, words)
    *_, last = shrinking = [*forms(record, error)]
    assert len(shrinking) == FORMS
    assert batch_bytes(*last) + 249 - len(record.topic) < SMALLEST_BYTES
    assert is_whole(shrinking[0].headers)
    assert not is_whole(last.headers)


def test_letters_of_a_letter_do_not_pile_up() -> None:
    """A record that was copied with its `dlq-` headers has those of its own letter alone."""
    error = InvalidMessage(Reason.NOT_JSON, Stage.DECODE, "no")
    first = next(forms(make_record(b"{", headers=HEADERS), error))
    copied = make_record(b"{", headers=[*first.headers, ("dlq-replayed", b"0:3")])
    names = [name for name, _ in next(forms(copied, error)).headers]
    assert sorted(names) == sorted({*names})
    assert {"received-at", "dlq-replayed", "dlq-reason"} < {*names}
