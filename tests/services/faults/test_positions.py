"""Where the bidding logic begins, and where it goes on when its place is gone."""

from __future__ import annotations

import signal
from contextlib import ExitStack, closing

import pytest
from kafka import KafkaConsumer
from kafka.admin import NewPartitions
from kafka.structs import OffsetAndMetadata, TopicPartition

from tests.services.faults.altered import BEFORE_EFFECTS, altered
from tests.services.records import decided, ids, requests, spread
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.topics import admin, create_topic, delete_topic
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("never-lost")]

LATEST = {"CONSUMER_START_FROM": "latest"}


def has_begun(member: ConsumerProcess) -> bool:
    """Whether a member of a new group has chosen where that begins."""
    return bool(member.logged("no offset committed yet"))


def add_partitions(pipeline: Pipeline) -> None:
    """Give the topic of requests nine."""
    with admin(pipeline.brokers) as client:
        client.create_partitions({pipeline.requests: NewPartitions(total_count=9)})
        eventually(
            lambda: len(client.describe_topics([pipeline.requests])[0]["partitions"]) == 9,
            "the new partitions",
            60,
        )


@scenario(
    "Retention deleted records before they were read",
    kept="What retention left",
    recovery="At the oldest record, with an error and a counter",
)
def test_offset_out_of_range(pipeline: Pipeline) -> None:
    """Retention overtook the group: the rest is decided on, and the loss is counted."""
    (first, *_) = pipeline.send(*requests(10))
    with pipeline.consumer(name="before"):
        eventually(lambda: pipeline.committed() == 10, "the first commits", 60)
    pipeline.send(*requests(10, "lost"), *requests(5, "kept"))
    with admin(pipeline.brokers) as client:
        client.delete_records({TopicPartition(pipeline.requests, first.partition): 20})
    with pipeline.consumer(name="after") as consumer:
        eventually(lambda: pipeline.committed() == 25, "the last commits", 60)
        where = {"partition": str(first.partition)}
        assert consumer.samples("consumer_offset_out_of_range_total", **where) == [1]
        (lost,) = consumer.logged("records lost to retention before they were read")
    assert lost["records"] == 10
    assert decided(pipeline).keys() >= ids(5, "kept")


@pytest.mark.parametrize("epoch", [-1, 0], ids=["no epoch", "an epoch"])
@scenario(
    "A log ends before the group's place: topic made anew, or cut short",
    kept="All that is there: what was decided before is decided again",
    recovery="At the oldest record, with a warning and a counter of its own",
)
def test_a_position_beyond_the_end(pipeline: Pipeline, epoch: int) -> None:
    """No record is skipped, and it is not taken for a loss to retention."""
    (first, *_) = pipeline.send(*requests(5))
    options = {"bootstrap_servers": pipeline.brokers, "group_id": pipeline.group}
    with closing(KafkaConsumer(**options)) as other:
        place = TopicPartition(pipeline.requests, first.partition)
        other.commit({place: OffsetAndMetadata(100, "", epoch)})
    with pipeline.consumer() as consumer:
        eventually(lambda: pipeline.committed() == 5, "the commits", 60)
        where = {"partition": str(first.partition)}
        assert consumer.samples("consumer_positions_beyond_end_total", **where) == [1]
        assert consumer.samples("consumer_offset_out_of_range_total") == []
    assert decided(pipeline) == dict.fromkeys(ids(5), 1)


@scenario(
    "The topic of requests is deleted and made anew under the bidding logic",
    kept="What is on the new topic",
    recovery="By itself, from the first record",
)
def test_a_topic_that_is_made_anew(pipeline: Pipeline) -> None:
    """Kafka has forgotten the group's place with the topic: nothing is skipped, nor counted."""
    pipeline.send(*requests(5))
    with pipeline.consumer() as consumer:
        eventually(lambda: pipeline.committed() == 5, "the commits", 60)
        delete_topic(pipeline.brokers, pipeline.requests)
        create_topic(pipeline.brokers, pipeline.requests)
        pipeline.send(*requests(3, "anew"))
        eventually(lambda: len(decided(pipeline)) == 8, "all decisions", 120)
        assert consumer.samples("consumer_offset_out_of_range_total") == []


@scenario(
    "A group that begins at the latest stops, and partitions are added meanwhile",
    kept="What came after the group began, also in the new partitions",
    recovery="At the start that was committed, and at the oldest record of what was added",
)
def test_a_group_that_began_at_the_latest_skips_nothing(pipeline: Pipeline) -> None:
    """Its place is kept before its first record, and new partitions are read from the first."""
    spread(pipeline, 20, "old")
    with pipeline.consumer(name="before", **LATEST) as consumer:
        eventually(lambda: has_begun(consumer), "the start", 60)
        consumer.wait_until_ready()
    add_partitions(pipeline)
    spread(pipeline, 60, "new")
    with pipeline.consumer(name="after", **LATEST):
        eventually(lambda: len(decided(pipeline)) == 60, "all decisions", 60)
    assert decided(pipeline).keys() == ids(60, "new")


@scenario(
    "Partitions are added under a group that began at the latest, and filled at once",
    kept="Every request, also those that came before the group had heard of the partitions",
    recovery="At the oldest record of each, within a minute",
)
def test_partitions_that_are_added_are_read_from_their_first_record(pipeline: Pipeline) -> None:
    """The member hears of them later than those who write to them."""
    with pipeline.consumer(**LATEST) as consumer:
        consumer.wait_until_ready()
        add_partitions(pipeline)
        spread(pipeline, 60)
        eventually(lambda: len(decided(pipeline)) == 60, "all decisions", 120)


@scenario(
    "Three members of a group that begins at the latest start at once",
    kept="Every request that comes after the first of them has begun",
    recovery="None is needed: the earliest start counts",
)
def test_members_that_start_at_once_skip_nothing(pipeline: Pipeline) -> None:
    """Whoever comes first says where the group begins."""
    spread(pipeline, 20, "old")
    with ExitStack() as stack:
        members = [pipeline.consumer(name=f"member-{n}", **LATEST) for n in range(3)]
        started = [stack.enter_context(member) for member in members]
        eventually(lambda: any(map(has_begun, started)), "the start", 60)
        spread(pipeline, 60, "new")
        eventually(lambda: decided(pipeline).keys() == ids(60, "new"), "all decisions", 60)


@scenario(
    "A group that begins at the latest is killed before its first commit of a decision",
    kept="What came after its first moment",
    recovery="Its successor goes on at the start that was committed",
)
def test_killed_before_its_first_decision(pipeline: Pipeline) -> None:
    """The next start chooses no other place, though none was committed by processing."""
    spread(pipeline, 20, "old")
    with pipeline.consumer(*altered(BEFORE_EFFECTS), name="killed", **LATEST) as killed:
        eventually(lambda: has_begun(killed), "the start", 60)
        spread(pipeline, 20, "new")
        assert killed.process.wait(timeout=60) == -signal.SIGKILL
    spread(pipeline, 20, "later")
    with pipeline.consumer(name="successor", **LATEST):
        eventually(lambda: len(decided(pipeline)) == 40, "all decisions", 60)
    assert decided(pipeline).keys() == ids(20, "new") | ids(20, "later")
