"""The garbage collector of a worker."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import msgspec
import pytest

from app.collector import settle_collector


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Count collections by generation; afterwards the collector is as it was."""
    before, counted = gc.get_threshold(), [0, 0, 0]

    def count(phase: str, info: dict[str, int]) -> None:
        counted[info["generation"]] += phase == "start"

    gc.callbacks.append(count)
    yield counted
    gc.callbacks.remove(count)
    gc.set_threshold(*before)
    gc.unfreeze()


def test_a_hostile_body_costs_few_collections(collections: list[int]) -> None:
    """The arrays of a body of 256 KiB, at least a hundred thousand, are looked at now and then."""
    body = b"[" + b",".join([b"[]"] * 100_000) + b"]"
    settle_collector()
    gc.collect()
    assert collections[2] == 1
    collections[:] = [0, 0, 0]
    document = msgspec.json.decode(body)
    assert len(document) == 100_000
    assert sum(collections) <= 20
