"""Putting dead letters back: each once, whole or not at all."""

from __future__ import annotations

from itertools import islice

import pytest
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaTimeoutError

from consumer.dlq.letter import forms
from consumer.dlq.reader import about
from consumer.dlq.replay import OUTCOMES, Replay
from consumer.errors import InvalidMessage, Reason, Stage
from consumer.kafka.limits import batch_bytes
from tests.support.fakes.consumer_records import make_record
from tests.support.fakes.dead_letters import AT, LettersConsumer, ReplayProducer

pytestmark = pytest.mark.promise("never-lost")

HEADERS = [("received-at", b"1699999999750")]
VALUE = b"{" * 3_000
EXACT = batch_bytes(b"r-1", VALUE, HEADERS)
LACKS_A_PART = {"replayed": 2, "without_value": 1}
MARKED = [*HEADERS, ("dlq-replayed", b"0:0")]


def letter(offset: int, form: int = 0, origin: int | None = None) -> ConsumerRecord:
    """Return a letter in one of its forms, of the record at `origin` of the topic of requests."""
    record = make_record(VALUE, offset=offset if origin is None else origin, headers=HEADERS)
    error = InvalidMessage(Reason.NOT_JSON, Stage.DECODE, "no")
    key, value, headers = next(islice(forms(record, error), form, None))
    return make_record(value, key=key, offset=offset, headers=headers, on=AT)


@pytest.mark.parametrize(
    ("letters", "limit", "outcomes"),
    [
        ([letter(0)], 1_000_000, {"replayed": 1}),
        # the topic took it once, by a few bytes: it goes back without the mark
        ([letter(0)], EXACT, {"replayed": 1}),
        ([letter(0)], EXACT - 1, {"too_large": 1}),
        # one that was not acknowledged in time can be there twice, the second in part
        ([letter(0), letter(1, origin=0), letter(2, 1, origin=0)], 1_000_000, {"replayed": 1}),
        # an empty record, or one without its headers, is not what was given up
        *(([letter(0), letter(1, form), letter(2)], 1_000_000, LACKS_A_PART) for form in (1, 2, 3)),
    ],
)
def test_what_can_go_back_does_as_it_was_and_the_rest_is_counted(
    letters: list[ConsumerRecord], limit: int, outcomes: dict[str, int]
) -> None:
    """With key, value and headers, and one that says from where; those behind go all the same."""
    consumer = LettersConsumer(letters)
    producer = ReplayProducer(consumer)
    told = Replay(producer, "bid_requests", limit, "group").run(consumer, [AT])
    assert dict(told) == {**dict.fromkeys(OUTCOMES, 0), **outcomes}
    assert consumer.done == len(letters)
    assert all((sent.key, sent.value) == (b"r-1", VALUE) for sent in producer.sent)
    headers = [sent.headers for sent in producer.sent][:1]
    assert headers == [HEADERS if limit == EXACT else MARKED][: len(headers)]
    assert len(producer.sent) == outcomes.get("replayed", 0)


@pytest.mark.parametrize("form", [1, 2, 3])
def test_a_letter_that_lacks_a_part_says_so(form: int) -> None:
    """Who lists them sees which are whole."""
    assert about(letter(1, form))["whole"] is False


def test_a_batch_that_fails_is_aborted() -> None:
    """The next replay begins with it."""
    consumer = LettersConsumer([letter(0)])
    producer = ReplayProducer(consumer)
    producer.refusing = lambda _sent: KafkaTimeoutError("away")
    with pytest.raises(KafkaTimeoutError):
        Replay(producer, "bid_requests", 1_000_000, "group").run(consumer, [AT])
    assert (producer.steps, consumer.done) == (["init", "begin", "abort"], 0)
