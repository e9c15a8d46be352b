"""What Kafka knows of a group: the contract that the real client and its stand-in both keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from consumer.kafka.clients import connect_group_offsets
from consumer.kafka.lag import GroupOffsets, Offsets
from consumer.settings.consumer import load_settings
from tests.support.fakes.group_offsets import FakeGroupOffsets
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.timing

COMMITTED = 2
Given = tuple[GroupOffsets, int, list[int]]  # the answers, a partition, its records' milliseconds


@pytest.fixture(params=["kafka", "fake"])
def given(request: pytest.FixtureRequest, pipeline: Pipeline) -> Iterator[Given]:
    """Give a partition with five records, of which a group has committed two."""
    with ExitStack() as stack:
        sent = pipeline.send(*(b'{"id":"r-%d"}' % number for number in range(5)))
        written = [it.timestamp for it in sent]
        yield MAKERS[request.param](stack, pipeline, sent[0].partition, written)


def asked(stack: ExitStack, pipeline: Pipeline, partition: int, written: list[int]) -> Given:
    """Commit, and connect a client that asks."""
    pipeline.commit(partition, COMMITTED)
    environ = {
        "KAFKA_BROKERS": pipeline.brokers,
        "KAFKA_TOPIC_BID_REQUESTS": pipeline.requests,
        "KAFKA_CONSUMER_GROUP": pipeline.group,
    }
    client = stack.enter_context(closing(connect_group_offsets(load_settings(environ))))
    return client, partition, written


def told(_stack: ExitStack, _pipeline: Pipeline, partition: int, written: list[int]) -> Given:
    """Tell the stand-in."""
    fake = FakeGroupOffsets({partition: Offsets(0, 5, COMMITTED)})
    fake.timestamps = {(partition, offset): at for offset, at in enumerate(written)}
    return fake, partition, written


MAKERS: dict[str, Callable[[ExitStack, Pipeline, int, list[int]], Given]] = {
    "kafka": asked,
    "fake": told,
}


def test_it_tells_beginning_end_and_what_is_committed(given: Given) -> None:
    """Lag is the distance from the one to the other."""
    offsets, partition, _ = given
    found = offsets.read()[partition]
    assert (found.beginning, found.end, found.committed, found.lag) == (0, 5, COMMITTED, 3)


def test_it_tells_when_a_record_was_written(given: Given) -> None:
    """Any of them, again and again, whatever was asked for before."""
    offsets, partition, written = given
    for offset in (COMMITTED, 4, COMMITTED):
        assert offsets.timestamp_ms(partition, offset) == written[offset]
        assert offsets.read()[partition].committed == COMMITTED


def test_after_the_last_record_there_is_none(given: Given) -> None:
    """Nothing waits there whose time could be told."""
    offsets, partition, _ = given
    assert offsets.timestamp_ms(partition, 5) is None
