"""Bid requests for the bidding logic, and what became of them."""

from __future__ import annotations

from collections import Counter

import pytest

from common import decisions
from tests.support.pipeline import Pipeline
from tests.support.topics import read_all

GUARANTEES = {
    "at_least_once": {"PROCESSING_GUARANTEE": "at_least_once"},
    "exactly_once": {
        "PROCESSING_GUARANTEE": "exactly_once",
        "CONSUMER_GROUP_INSTANCE_ID": "member-1",
    },
}
each_guarantee = pytest.mark.parametrize("guarantee", GUARANTEES.values(), ids=GUARANTEES)


def ids(count: int, prefix: str = "r") -> set[str]:
    """Return the ids of these requests."""
    return {f"{prefix}-{number}" for number in range(count)}


def requests(count: int, prefix: str = "r") -> list[bytes]:
    """Return bid requests with ids of their own."""
    return [b'{"id":"%s-%d","imp":[{"id":"1"}]}' % (prefix.encode(), n) for n in range(count)]


def spread(pipeline: Pipeline, count: int, prefix: str = "r") -> None:
    """Send requests over all partitions."""
    pipeline.send_each((b"%d" % n, value) for n, value in enumerate(requests(count, prefix)))


def decided(pipeline: Pipeline, isolation: str = "read_uncommitted") -> Counter[str]:
    """Return how often each id was decided on, as a reader with that isolation finds it."""
    records = read_all(pipeline.brokers, pipeline.decisions, isolation)
    return Counter(decisions.read(record.value).request.id for record in records)
