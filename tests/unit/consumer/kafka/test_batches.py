"""What a batch that cannot be read says of itself, and what of it is certain."""

from __future__ import annotations

from hashlib import sha256

import pytest
from kafka.errors import CorruptRecordError

from consumer.kafka.batches import Batches, BatchFacts
from tests.support.fakes.consumer_records import make_batch

MOST = 1 << 20
LENGTH, MAGIC, DELTA = 8, 16, 23  # where they stand in a batch


def read(data: bytes, position: int, log_end: int | None = None) -> Batches:
    """Return batches of which the first has been read, or has raised."""
    batches = Batches(data, position, MOST)
    batches.log_end = log_end
    try:
        batches.next_batch()
    except CorruptRecordError:
        return batches
    return batches


def change(batch: bytes, at: int, new: bytes) -> bytes:
    """Return the batch with other bytes, and the checksum of before."""
    return batch[:at] + new + batch[at + len(new) :]


class TestInOrder:
    """Batches are handed out as long as they follow each other."""

    def test_each_comes_once_and_then_none(self) -> None:
        """One of which only the beginning is here is fetched as a whole next time."""
        cut = make_batch(9)[:-1]
        batches = Batches(make_batch(5) + make_batch(7) + cut, 5, MOST)
        found = [batches.next_batch() for _ in range(3)]
        assert [batch and batch.base_offset for batch in found] == [5, 7, None]

    @pytest.mark.parametrize(
        "broken",
        [
            change(make_batch(5), LENGTH, (-12).to_bytes(4, signed=True)),
            change(make_batch(5), LENGTH, (3).to_bytes(4)),
            change(make_batch(5), MAGIC, b"\x01"),
            change(make_batch(5), DELTA, (-1).to_bytes(4, signed=True)),
            make_batch(2),
        ],
        ids=["length below zero", "no room for a header", "old format", "ends early", "behind"],
    )
    def test_a_header_that_leads_astray_is_an_error(self, broken: bytes) -> None:
        """kafka-python would read it again and again, or what is not there."""
        with pytest.raises(CorruptRecordError):
            Batches(broken, 5, MOST).next_batch()


class TestFacts:
    """Two witnesses have to agree on where a batch ends."""

    def test_the_checksum_vouches_for_the_header(self) -> None:
        """A sound batch whose content is no content is known in full."""
        data = make_batch(5)
        assert read(data, 5).facts(6) == BatchFacts(
            first=5,
            last=6,
            timestamp_ms=1,
            leader_epoch=4,
            size=len(data),
            sha256=sha256(data).hexdigest(),
        )

    def test_the_batch_behind_vouches_where_the_checksum_is_wrong(self) -> None:
        """It begins where the broken one has ended, and has a checksum of its own."""
        broken = make_batch(5, flip=-1)
        facts = read(broken + make_batch(7), 5).facts(5)
        assert (facts.first, facts.last, facts.size) == (5, 6, len(broken))

    def test_the_batch_behind_knows_better_than_a_broken_header(self) -> None:
        """What the header says of its time is not believed then."""
        broken = change(make_batch(5), DELTA, (9).to_bytes(4))
        facts = read(broken + make_batch(7), 5).facts(5)
        assert (facts.first, facts.last, facts.timestamp_ms) == (5, 6, -1)

    def test_the_end_of_the_log_vouches_for_the_last_batch(self) -> None:
        """Nothing is behind it that could be skipped."""
        assert read(make_batch(5, flip=-1), 5, log_end=7).facts(5).last == 6

    @pytest.mark.parametrize(
        ("data", "log_end"),
        [
            (make_batch(5, flip=-1), 9),
            (make_batch(5, flip=-1) + make_batch(7, flip=-1), 9),
            (make_batch(5, flip=-1) + make_batch(7)[:-1], 9),
            (make_batch(5, flip=-1) + make_batch(700), 9),
            (change(make_batch(5), LENGTH, (60).to_bytes(4)) + make_batch(7), 9),
            (change(make_batch(5), LENGTH, (1 << 30).to_bytes(4)) + make_batch(7), 9),
            (make_batch(900), 9),
            (b"", 9),
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
    def test_nothing_is_certain_without_a_second_witness(self, data: bytes, log_end: int) -> None:
        """Its bytes are named all the same."""
        facts = read(data, 5, log_end).facts(5)
        assert (facts.last, facts.timestamp_ms) == (None, -1)
        assert facts.size > 0 or not data
