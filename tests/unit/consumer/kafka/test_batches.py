"""What a batch that cannot be read says of itself, and what of it is certain."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

import pytest
from kafka.errors import CorruptRecordError

from consumer.kafka.batches import Batches, BatchFacts
from tests.support.fakes.consumer_records import make_batch

pytestmark = pytest.mark.promise("record-isolation")

MOST = 1 << 20
LENGTH, MAGIC, DELTA = 8, 16, 23  # where they stand in a batch
BROKEN = make_batch(5, flip=-1)


def change(at: int, new: bytes) -> bytes:
    """Return a batch with other bytes, and the checksum of before."""
    batch = make_batch(5)
    return batch[:at] + new + batch[at + len(new) :]


def facts(data: bytes, log_end: int | None = None, offset: int = 5) -> BatchFacts:
    """Return what is known of the first batch once it has been read, or has raised."""
    batches = Batches(data, 5, MOST)
    batches.log_end = log_end
    with suppress(CorruptRecordError):
        batches.next_batch()
    return batches.facts(offset)


def test_each_comes_once_and_then_none() -> None:
    """One of which only the beginning is here is fetched as a whole next time."""
    batches = Batches(make_batch(5) + make_batch(7) + make_batch(9)[:-1], 5, MOST)
    found = [batches.next_batch() for _ in range(3)]
    assert [batch and batch.base_offset for batch in found] == [5, 7, None]


@pytest.mark.parametrize(
    "broken",
    [
        change(LENGTH, (-12).to_bytes(4, signed=True)),
        change(LENGTH, (3).to_bytes(4)),
        change(MAGIC, b"\x01"),
        change(DELTA, (-1).to_bytes(4, signed=True)),
        make_batch(2),
    ],
    ids=["length below zero", "no room for a header", "old format", "ends early", "behind"],
)
def test_a_header_that_leads_astray_is_an_error(broken: bytes) -> None:
    """kafka-python would read it again and again, or what is not there."""
    with pytest.raises(CorruptRecordError):
        Batches(broken, 5, MOST).next_batch()


def test_the_checksum_vouches_for_the_header() -> None:
    """A sound batch whose content is no content is known in full."""
    data = make_batch(5)
    known = {"first": 5, "last": 6, "timestamp_ms": 1, "leader_epoch": 4, "size": len(data)}
    assert facts(data, offset=6) == BatchFacts(**known, sha256=sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("data", "log_end", "timestamp_ms"),
    [
        (BROKEN + make_batch(7), None, 1),
        (change(DELTA, (9).to_bytes(4)) + make_batch(7), None, -1),
        (BROKEN, 7, 1),
    ],
    ids=["the batch behind", "the batch behind, against the header", "the end of the log"],
)
def test_what_is_behind_vouches_where_the_checksum_is_wrong(
    data: bytes, log_end: int | None, timestamp_ms: int
) -> None:
    """It begins where the broken one has ended; a header that says otherwise is not believed."""
    found = facts(data, log_end)
    assert (found.first, found.last, found.timestamp_ms) == (5, 6, timestamp_ms)
    assert found.size == len(BROKEN)


@pytest.mark.parametrize(
    "data",
    [
        BROKEN,
        BROKEN + make_batch(7, flip=-1),
        BROKEN + make_batch(7)[:-1],
        BROKEN + make_batch(700),
        change(LENGTH, (60).to_bytes(4)) + make_batch(7),
        change(LENGTH, (1 << 30).to_bytes(4)) + make_batch(7),
        make_batch(900),
        b"",
    ],
    ids=[
        "alone",
        "the next is broken too",
        "the next is cut off",
        "the next is behind the end",
        "a wrong length",
        "a length beyond all",
        "a sound batch of another place",
        "nothing",
    ],
)
def test_nothing_is_certain_without_a_second_witness(data: bytes) -> None:
    """Its bytes are named all the same."""
    found = facts(data, log_end=9)
    assert (found.last, found.timestamp_ms) == (None, -1)
    assert found.size > 0 or not data
