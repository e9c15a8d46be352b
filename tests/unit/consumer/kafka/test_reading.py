"""What was fetched and cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest
from kafka.errors import OffsetOutOfRangeError, TopicAuthorizationFailedError

from consumer.kafka.reading import UnreadableError
from tests.support.fakes.consumer_fetcher import FetchedAnswers, answer
from tests.support.fakes.consumer_records import make_batch, partition

pytestmark = pytest.mark.promise("record-isolation")

GZIP = 1
UNREADABLE = {
    "checksum": answer(make_batch(5, flip=-1)),
    "codec": answer(make_batch(5, codec=GZIP, flip=100)),
    "cut off": answer(make_batch(5)[:-1]),
    "zeros": answer(b"\x00" * 200),
    "ones": answer(b"\xff" * 200),
    "no bytes at all": answer(None),
    "unexpected error of the broker": answer(None, error_code=-1),
    "corrupt on the broker": answer(None, error_code=2),
    "error code of the future": answer(None, error_code=9_999),
}


@pytest.fixture
def reader() -> Iterator[FetchedAnswers]:
    """Read two partitions."""
    made = FetchedAnswers()
    with closing(made.fetcher):
        yield made


def test_what_is_readable_comes_first_and_then_the_place_that_is_not(
    reader: FetchedAnswers,
) -> None:
    """The records before it are handed out; the error names partition, offset and batch."""
    reader.hear(0, answer(make_batch(5) + make_batch(7, flip=-1) + make_batch(9)))
    assert reader.records() == {partition(0): [5, 6]}
    with pytest.raises(UnreadableError, match="bid_requests-0 at 7: CorruptRecordError") as caught:
        reader.records()
    assert (caught.value.partition, caught.value.offset) == (partition(0), 7)
    assert (caught.value.batch.first, caught.value.batch.last) == (7, 8)


def test_nothing_is_kept_of_what_cannot_be_read(reader: FetchedAnswers) -> None:
    """The client then fetches anew; one that keeps an iterator without records polls for ever."""
    reader.hear(0, UNREADABLE["checksum"])
    with pytest.raises(UnreadableError):
        reader.records()
    assert partition(0) in reader.to_fetch()  # first: with a buffer kept, the next poll never ends
    assert reader.records() == {}


@pytest.mark.parametrize("said", UNREADABLE.values(), ids=UNREADABLE)
def test_no_error_of_one_partition_is_without_its_place(
    reader: FetchedAnswers, said: SimpleNamespace
) -> None:
    """It comes once for each fetch, and the other partition is read before or after it."""
    reader.hear(0, said)
    reader.hear(1, answer(make_batch(5)))
    with pytest.raises(UnreadableError) as caught:
        reader.records()
    assert (caught.value.partition, caught.value.offset) == (partition(0), 5)
    assert reader.records() == {partition(1): [5, 6]}


def test_an_error_that_comes_with_records_of_others_waits_for_the_next_poll(
    reader: FetchedAnswers,
) -> None:
    """Neither the records nor the error is lost."""
    reader.hear(1, answer(make_batch(5)))
    reader.hear(0, answer(None, error_code=2))
    assert reader.records() == {partition(1): [5, 6]}
    with pytest.raises(UnreadableError):
        reader.records()


def test_errors_that_name_their_partition_or_mean_the_topic_stay_what_they_are(
    reader: FetchedAnswers,
) -> None:
    """A position that is out of range is moved, and a right that is missing concerns all."""
    reader.hear(0, answer(None, error_code=1))
    with pytest.raises(OffsetOutOfRangeError) as out_of_range:
        reader.records()
    assert out_of_range.value.args == ({partition(0): 5},)
    reader.hear(0, answer(None, error_code=29))
    with pytest.raises(TopicAuthorizationFailedError):
        reader.records()


@pytest.mark.promise("bounded")
def test_a_batch_that_inflates_beyond_the_limit_is_named_in_full() -> None:
    """Its own checksum vouches for what it says of itself."""
    reader = FetchedAnswers(most_bytes=900)
    reader.hear(0, answer(make_batch(5, codec=GZIP)))
    with pytest.raises(UnreadableError, match="CONSUMER_MAX_BATCH_BYTES=900") as caught:
        reader.records()
    assert (caught.value.batch.first, caught.value.batch.last) == (5, 6)
    assert caught.value.batch.timestamp_ms == 1
