"""The garbage collector of both services."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import msgspec
import pytest

from common.gc import tune_gc

pytestmark = pytest.mark.promise("fast")


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Count collections by generation; afterwards the collector is as it was."""
    before, counted = gc.get_threshold(), [0, 0, 0]

    def count(phase: str, info: dict[str, int]) -> None:
        counted[info["generation"]] += phase == "start"

    gc.callbacks.append(count)
    tune_gc()
    assert gc.get_threshold() == (20_000, *before[1:])
    assert gc.get_freeze_count() > 0
    gc.collect()
    assert counted[2] == 1
    counted[:] = [0, 0, 0]
    yield counted
    gc.callbacks.remove(count)
    gc.set_threshold(*before)
    gc.unfreeze()


def test_a_hostile_body_costs_few_collections(collections: list[int]) -> None:
    """The arrays of a body of 256 KiB, at least a hundred thousand, are looked at now and then."""
    document = msgspec.json.decode(b"[" + b",".join([b"[]"] * 100_000) + b"]")
    assert len(document) == 100_000
    assert sum(collections) <= 20


def test_a_batch_is_not_searched_for_cycles_again_and_again(collections: list[int]) -> None:
    """What a batch of the largest size brings is fewer objects than make Python look."""
    batch = [[number] for number in range(500 * 30)]
    assert (len(batch), sum(collections)) == (15_000, 0)
