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

HEADERS = [("received-at", b"1699999999750")]
VALUE = b"{" * 3_000


def letter(offset: int, form: int = 0, origin: int | None = None) -> ConsumerRecord:
    """Return a letter in one of its forms, of the record at `origin` of the topic of requests."""
    record = make_record(VALUE, offset=offset if origin is None else origin, headers=HEADERS)
    error = InvalidMessage(Reason.NOT_JSON, Stage.DECODE, "no")
    key, value, headers = next(islice(forms(record, error), form, None))
    return make_record(value, key=key, offset=offset, headers=headers, on=AT)


def counts(**some: int) -> dict[str, int]:
    """Return what a replay says: how often there was each outcome, 0 where nothing is given."""
    return {**dict.fromkeys(OUTCOMES, 0), **some}


class TestReplay:
    """What cannot go back is counted, and nothing goes back twice or in part."""

    def replay(self, *letters: ConsumerRecord, limit: int = 1_000_000) -> dict[str, int]:
        """Put letters back on a topic of that limit and return what became of them."""
        self.consumer = LettersConsumer(letters)
        self.producer = ReplayProducer(self.consumer)
        outcomes = Replay(self.producer, "bid_requests", limit, "group").run(self.consumer, [AT])
        assert self.consumer.done == len(letters)
        return dict(outcomes)

    def test_a_whole_letter_goes_back_as_it_was(self) -> None:
        """With key, value and headers, and one that says from where."""
        assert self.replay(letter(0))["replayed"] == 1
        (sent,) = self.producer.sent
        assert (sent.key, sent.value) == (b"r-1", VALUE)
        assert sent.headers == [*HEADERS, ("dlq-replayed", b"0:0")]

    @pytest.mark.parametrize("form", [1, 2, 3])
    def test_a_letter_that_lacks_a_part_is_left_out_and_counted(self, form: int) -> None:
        """An empty record, or one without its headers, is not what was given up."""
        outcomes = self.replay(letter(0), letter(1, form), letter(2))
        assert outcomes == counts(replayed=2, without_value=1)
        assert all(sent.value == VALUE for sent in self.producer.sent)
        assert about(self.consumer.letters[1])["whole"] is False

    def test_a_record_that_fits_without_the_mark_goes_back_without_it(self) -> None:
        """The topic took it once, by a few bytes."""
        exact = batch_bytes(b"r-1", VALUE, HEADERS)
        assert self.replay(letter(0), limit=exact)["replayed"] == 1
        assert self.producer.sent[0].headers == HEADERS

    def test_a_record_that_the_topic_takes_no_more_is_left_out_and_counted(self) -> None:
        """Those behind it go back all the same."""
        exact = batch_bytes(b"r-1", VALUE, HEADERS)
        outcomes = self.replay(letter(0), limit=exact - 1)
        assert outcomes == counts(too_large=1)

    def test_a_record_that_was_given_up_twice_goes_back_once(self) -> None:
        """A letter that was not acknowledged in time can be there twice, the second in part."""
        letters = [letter(0), letter(1, origin=0), letter(2, form=1, origin=0)]
        assert self.replay(*letters) == counts(replayed=1)

    def test_a_batch_that_fails_is_aborted(self) -> None:
        """The next replay begins with it."""
        consumer = LettersConsumer([letter(0)])
        producer = ReplayProducer(consumer)
        producer.refusing = lambda _sent: KafkaTimeoutError("away")
        with pytest.raises(KafkaTimeoutError):
            Replay(producer, "bid_requests", 1_000_000, "group").run(consumer, [AT])
        assert (producer.steps, consumer.done) == (["init", "begin", "abort"], 0)
