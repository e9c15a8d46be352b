"""What a topic takes is what its producer sends."""

from __future__ import annotations

import pytest

from common.topic_limits import producer_sizes

pytestmark = pytest.mark.promise("valid")


@pytest.mark.parametrize(
    ("limits", "largest", "batch"),
    [([10_000_000], 10_000_000, 16_384), ([8_000], 8_000, 8_000), ([9_000_000, 5], 9_000_000, 5)],
)
def test_a_producer_takes_what_its_topic_takes(limits: list[int], largest: int, batch: int) -> None:
    """The largest record of any topic, and no batch that one does not take."""
    assert producer_sizes(limits) == {"max_request_size": largest, "batch_size": batch}
