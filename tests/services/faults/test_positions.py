"""Where the bidding logic begins, and where it goes on when its place is gone."""

from __future__ import annotations

import signal
from contextlib import ExitStack, closing
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka.admin import NewPartitions
from kafka.structs import OffsetAndMetadata, TopicPartition

from tests.services.faults.doomed_consumer import BEFORE_EFFECTS
from tests.services.faults.test_consumer_trouble import DOOMED, decided, requests, spread
from tests.support.pipeline import Pipeline
from tests.support.scenario import scenario
from tests.support.topics import admin, create_topic, delete_topic
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

LATEST = {"CONSUMER_START_FROM": "latest"}


def partitions(client: Any, topic: str) -> int:  # noqa: ANN401  kafka-python ships no types
    """Return how many partitions brokers say that a topic has."""
    (described,) = client.describe_topics([topic])
    return len(described["partitions"])


def add_partitions(pipeline: Pipeline) -> None:
    """Give the topic of requests nine."""
    with admin(pipeline.brokers) as client:
        client.create_partitions({pipeline.requests: NewPartitions(total_count=9)})
        eventually(lambda: partitions(client, pipeline.requests) == 9, "the new partitions", 60)


class TestLost:
    """Kafka no longer has what comes next."""

    @scenario(
        fault="Retention deleted records before they were read",
        client="Nothing",
        kept="What retention left",
        recovery="At the oldest record, with an error and a counter",
    )
    def test_offset_out_of_range(self, pipeline: Pipeline) -> None:
        """Retention overtook the group: the rest is decided on, and the loss is counted."""
        (first, *_) = pipeline.send(*requests(10))
        with pipeline.consumer(name="before"):
            eventually(lambda: pipeline.committed() == 10, "the first commits", 60)
        pipeline.send(*requests(10, "lost"), *requests(5, "kept"))
        partition = TopicPartition(pipeline.requests, first.partition)
        with admin(pipeline.brokers) as client:
            client.delete_records({partition: 20})
        with pipeline.consumer(name="after") as consumer:
            eventually(lambda: pipeline.committed() == 25, "the last commits", 60)
            counter = f'offset_out_of_range_total{{partition="{partition.partition}"}} 1.0'
            assert counter in consumer.get("/metrics")[1]
            (lost,) = consumer.logged("records lost to retention before they were read")
            assert lost["records"] == 10
        assert decided(pipeline).keys() >= {f"kept-{number}" for number in range(5)}

    @pytest.mark.parametrize("epoch", [-1, 0], ids=["no epoch", "an epoch"])
    @scenario(
        fault="A log ends before the group's place: topic made anew, or cut short",
        client="Nothing",
        kept="All that is there: what was decided before is decided again",
        recovery="At the oldest record, with a warning and a counter of its own",
    )
    def test_a_position_beyond_the_end(self, pipeline: Pipeline, epoch: int) -> None:
        """No record is skipped, and it is not taken for a loss to retention."""
        (first, *_) = pipeline.send(*requests(5))
        partition = TopicPartition(pipeline.requests, first.partition)
        options = {"bootstrap_servers": pipeline.brokers, "group_id": pipeline.group}
        with closing(KafkaConsumer(**options)) as other:
            other.commit({partition: OffsetAndMetadata(100, "", epoch)})
        with pipeline.consumer() as consumer:
            eventually(lambda: pipeline.committed() == 5, "the commits", 60)
            metrics = consumer.get("/metrics")[1]
            assert f'beyond_end_total{{partition="{partition.partition}"}} 1.0' in metrics
            assert "offset_out_of_range_total{" not in metrics
        assert decided(pipeline) == {f"r-{number}": 1 for number in range(5)}

    @scenario(
        fault="The topic of requests is deleted and made anew under the bidding logic",
        client="Nothing",
        kept="What is on the new topic",
        recovery="By itself, from the first record",
    )
    def test_a_topic_that_is_made_anew(self, pipeline: Pipeline) -> None:
        """Kafka has forgotten the group's place with the topic: nothing is skipped, nor counted."""
        pipeline.send(*requests(5))
        with pipeline.consumer() as consumer:
            eventually(lambda: pipeline.committed() == 5, "the commits", 60)
            delete_topic(pipeline.brokers, pipeline.requests)
            create_topic(pipeline.brokers, pipeline.requests)
            pipeline.send(*requests(3, "anew"))
            eventually(lambda: len(decided(pipeline)) == 8, "all decisions", 120)
            assert "offset_out_of_range_total{" not in consumer.get("/metrics")[1]


class TestLatest:
    """A group that begins at the end keeps its place from its first moment."""

    @scenario(
        fault="A group that begins at the latest stops, and partitions are added meanwhile",
        client="Nothing",
        kept="What came after the group began, also in the new partitions",
        recovery="At the start that was committed, and at the oldest record of what was added",
    )
    def test_a_group_that_began_at_the_latest_skips_nothing(self, pipeline: Pipeline) -> None:
        """Its place is kept before its first record, and new partitions are read from the first."""
        spread(pipeline, 20, "old")
        with pipeline.consumer(name="before", **LATEST) as consumer:
            eventually(lambda: consumer.logged("no offset committed yet"), "the start", 60)
            consumer.wait_until_ready()
        add_partitions(pipeline)
        spread(pipeline, 60, "new")
        with pipeline.consumer(name="after", **LATEST):
            eventually(lambda: len(decided(pipeline)) == 60, "all decisions", 60)
        assert decided(pipeline).keys() == {f"new-{number}" for number in range(60)}

    @scenario(
        fault="Partitions are added under a group that began at the latest, and filled at once",
        client="Nothing",
        kept="Every request, also those that came before the group had heard of the partitions",
        recovery="At the oldest record of each, within a minute",
    )
    def test_partitions_that_are_added_are_read_from_their_first_record(
        self, pipeline: Pipeline
    ) -> None:
        """The member hears of them later than those who write to them."""
        with pipeline.consumer(**LATEST) as consumer:
            consumer.wait_until_ready()
            add_partitions(pipeline)
            spread(pipeline, 60)
            eventually(lambda: len(decided(pipeline)) == 60, "all decisions", 120)

    @scenario(
        fault="Three members of a group that begins at the latest start at once",
        client="Nothing",
        kept="Every request that comes after the first of them has begun",
        recovery="None is needed: the earliest start counts",
    )
    def test_members_that_start_at_once_skip_nothing(self, pipeline: Pipeline) -> None:
        """Whoever comes first says where the group begins."""
        spread(pipeline, 20, "old")
        with ExitStack() as stack:
            members = [pipeline.consumer(name=f"member-{n}", **LATEST) for n in range(3)]
            started = [stack.enter_context(member) for member in members]
            begun = "no offset committed yet"
            eventually(lambda: any(each.logged(begun) for each in started), "the start", 60)
            spread(pipeline, 60, "new")
            new = {f"new-{number}" for number in range(60)}
            eventually(lambda: decided(pipeline).keys() == new, "all decisions", 60)

    @scenario(
        fault="A group that begins at the latest is killed before its first commit of a decision",
        client="Nothing",
        kept="What came after its first moment",
        recovery="Its successor goes on at the start that was committed",
    )
    def test_killed_before_its_first_decision(self, pipeline: Pipeline) -> None:
        """The next start chooses no other place, though none was committed by processing."""
        spread(pipeline, 20, "old")
        with pipeline.consumer(*DOOMED, BEFORE_EFFECTS, name="killed", **LATEST) as killed:
            eventually(lambda: killed.logged("no offset committed yet"), "the start", 60)
            spread(pipeline, 20, "new")
            assert killed.process.wait(timeout=60) == -signal.SIGKILL
        spread(pipeline, 20, "later")
        with pipeline.consumer(name="successor", **LATEST):
            eventually(lambda: len(decided(pipeline)) == 40, "all decisions", 60)
        assert not any(name.startswith("old") for name in decided(pipeline))
