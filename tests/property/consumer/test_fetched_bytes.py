"""Whatever a disk or a network makes of what was fetched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.reading import UnreadableError
from tests.support.fakes.consumer_fetcher import FetchedAnswers, answer
from tests.support.fakes.consumer_records import make_batch, partition

pytestmark = pytest.mark.promise("record-isolation")

GZIP, END = 1, 100
FETCHED = make_batch(5) + make_batch(7, codec=GZIP) + make_batch(9)
damage = st.lists(
    st.tuples(st.integers(0, len(FETCHED) - 1), st.integers(1, 255)), min_size=1, max_size=4
)


def spoil(changes: list[tuple[int, int]], length: int) -> bytes:
    """Return what was fetched with some bits changed, up to a length."""
    data = bytearray(FETCHED)
    for at, bits in changes:
        data[at] ^= bits
    return bytes(data[:length])


def poll(fetched: FetchedAnswers) -> tuple[list[int], int | None]:
    """Return the offsets that come, or how far an error says that its batch goes."""
    try:
        return fetched.records().get(partition(0), []), None
    except UnreadableError as error:
        return [], error.batch.last


@given(damage, st.integers(0, len(FETCHED)))
def test_reading_ends_and_never_goes_back(changes: list[tuple[int, int]], length: int) -> None:
    """Each poll hands out what follows, or an error with its place, and then nothing is left."""
    fetched = FetchedAnswers()
    fetched.hear(0, answer(spoil(changes, length)))
    position = 5
    for _ in range(4):
        offsets, last = poll(fetched)
        assert offsets == sorted(offsets)
        assert all(offset >= position for offset in [*offsets, fetched.position(0)])
        assert last is None or position <= last < END
        position = fetched.position(0)
    assert partition(0) in fetched.to_fetch()
