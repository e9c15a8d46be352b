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
from tests.support.fakes.consumer_producer import FakeProducer, Sent
from tests.support.fakes.consumer_records import make_record
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, REQUEST, Wiring

pytestmark = pytest.mark.promise("never-lost")

VALUE = b"{" * 5_000
HEADERS = [("received-at", b"1699999999750")]
# how a record fails that is known to be too large, and one that the broker refuses
WHERE = pytest.mark.parametrize("where", ["refusing", "failing"])


def over(limit: int) -> Callable[[Sent], KafkaError | None]:
    """Refuse dead letters that are larger."""

    def refuse(sent: Sent) -> KafkaError | None:
        size = batch_bytes(sent.key, sent.value, sent.headers)
        too_large = sent.topic == DEAD_LETTERS and size > limit
        return MessageSizeTooLargeError("limit") if too_large else None

    return refuse


def poisoned(*, exactly_once: bool = False) -> Wiring:
    """Wire a service with a large poison between two requests, and one on another partition."""
    service = Wiring.over([REQUEST], [REQUEST], exactly_once=exactly_once)
    service.consumer.add(VALUE, headers=HEADERS)
    service.consumer.add(REQUEST)
    return service


def acknowledged(service: Wiring) -> list[Sent]:
    """Return the dead letters that can be read."""
    given_up = service.broker.aborted if service.broker else []
    sent = [sent for producer in service.producers for sent in producer.to(DEAD_LETTERS)]
    return [each for each in sent if each not in given_up]


@pytest.mark.promise("record-isolation")
class TestWithoutItsValue:
    """A poison that does not fit must not hold its partition, let alone the others."""

    @pytest.mark.parametrize(
        ("where", "exactly_once"), [("refusing", False), ("failing", False), ("failing", True)]
    )
    def test_a_value_that_is_too_large_is_named_by_its_hash(
        self, where: str, *, exactly_once: bool
    ) -> None:
        """Key and headers are kept, and where the record lies; in a transaction, in the next."""
        service = poisoned(exactly_once=exactly_once)
        service.fail(over(1_000), where)
        service.go_round(3)
        (letter,) = acknowledged(service)
        assert (letter.key, letter.value) == (b"r-1", b"")
        assert letter.header("received-at") == "1699999999750"
        assert letter.header("dlq-value-bytes") == "5000"
        assert letter.header("dlq-value-sha256") == hashlib.sha256(VALUE).hexdigest()
        assert letter.header("dlq-offset") == "1"
        assert service.committed == {0: 3, 1: 1}
        assert service.broker is None or len(service.broker.to(DECISIONS)) == 3
        assert service.value("consumer_dead_letters_total", reason="not-json") == 1
        whole = [s for producer in service.producers for s in producer.sent if s.value == VALUE]
        # each refusal by a broker costs a producer: it is sent with the others, and by itself
        assert len(whole) == (0 if where == "refusing" else 2)

    @WHERE
    def test_headers_and_key_go_where_they_are_too_large(self, where: str) -> None:
        """Each is named by its size, and the key is kept as long as it fits."""
        service = Wiring.over([])
        service.consumer.add(b"{", headers=[("h", b"x" * 9_000)])
        service.consumer.add(b"{", key=b"k" * 9_000)
        service.fail(over(2_000), where)
        service.go_round(6)
        first, second = acknowledged(service)
        assert (first.key, first.value, first.header("dlq-headers-bytes")) == (b"r-1", b"", "9001")
        assert "h" not in dict(first.headers)
        assert (second.key, second.value, second.header("dlq-key-bytes")) == (None, b"", "9000")
        assert service.committed == {0: 2}

    @WHERE
    def test_when_every_form_is_refused_it_begins_again(self, where: str) -> None:
        """A topic that takes nothing holds the partition, and no other, until it does."""
        service = poisoned()
        service.fail(over(0), where)
        service.go_round(20)
        assert (service.committed, acknowledged(service)) == ({0: 1, 1: 1}, [])
        assert "a dead letter is refused" in service.health.not_ready()[0]
        service.make_producer = FakeProducer
        service.clients.publisher.replace()
        service.go_round(FORMS, after_s=5)
        assert service.committed == {0: 3, 1: 1}

    def test_a_topic_that_is_away_costs_a_letter_nothing(self) -> None:
        """An outage is no refusal: the value is there when the topic is back."""
        service = poisoned()
        service.fail(lambda sent: KafkaTimeoutError() if sent.topic == DEAD_LETTERS else None)
        service.go_round(5)
        service.make_producer = FakeProducer
        service.clients.publisher.replace()
        service.go_round(2)
        assert [letter.value for letter in acknowledged(service)] == [VALUE]


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
