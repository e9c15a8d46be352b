"""What Kafka knows of a group: what the gauges, their stand-in and `make status` say of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from kafka import KafkaProducer

from consumer.kafka.clients import connect_group_offsets
from consumer.kafka.lag import GroupOffsets, Offsets
from consumer.settings.consumer import load_settings
from tests.services.records import requests
from tests.support.fakes.group_offsets import FakeGroupOffsets
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually
from verification.cluster.tools.process import SubprocessRunner
from verification.project import ROOT
from verification.run.status.local_state import OwnPython
from verification.traffic.topics import Topics

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable")]

COMMITTED = 2


@dataclass(frozen=True)
class Given:
    """A partition with five records, of which the group has committed two; who tells of it."""

    pipeline: Pipeline
    partition: int
    written: list[int]  # milliseconds, of each record
    offsets: GroupOffsets

    def shown(self) -> dict[int, int]:
        """Return how many records wait in each partition, as the gauges have it."""
        return {number: offsets.lag for number, offsets in self.offsets.read().items()}

    def told(self) -> tuple[dict[int, int], set[int]]:
        """Return the same as `make status` has it, and the partitions that have an age."""
        environ = {**os.environ, "KAFKA_BROKERS": self.pipeline.brokers}
        topics = Topics(OwnPython(SubprocessRunner(environ, ROOT)))
        rows = topics.lag(self.pipeline.requests, self.pipeline.group)
        lags = {row["partition"]: row["lag"] for row in rows}
        return lags, {row["partition"] for row in rows if row["age_s"]}


@pytest.fixture
def given(pipeline: Pipeline) -> Iterator[Given]:
    """Connect a client that asks the real Kafka."""
    sent = pipeline.send(*requests(5))
    partition = sent[0].partition
    pipeline.commit(partition, COMMITTED)
    environ = {
        "KAFKA_BROKERS": pipeline.brokers,
        "KAFKA_TOPIC_BID_REQUESTS": pipeline.requests,
        "KAFKA_CONSUMER_GROUP": pipeline.group,
    }
    with closing(connect_group_offsets(load_settings(environ))) as client:
        yield Given(pipeline, partition, [it.timestamp for it in sent], client)


@pytest.mark.parametrize("who", ["kafka", "fake"])
def test_it_tells_where_a_group_is_and_when_records_were_written(given: Given, who: str) -> None:
    """The contract that the client and its stand-in keep, again and again, in any order."""
    offsets, partition = given.offsets, given.partition
    if who == "fake":
        offsets = fake = FakeGroupOffsets({partition: Offsets(0, 5, COMMITTED)})
        fake.timestamps = {(partition, number): at for number, at in enumerate(given.written)}
    for number in (COMMITTED, 4, COMMITTED):
        found = offsets.read()[partition]
        assert (found.beginning, found.end, found.committed, found.lag) == (0, 5, COMMITTED, 3)
        assert offsets.timestamp_ms(partition, number) == given.written[number]
    assert offsets.timestamp_ms(partition, 5) is None


def test_both_say_the_same(given: Given) -> None:
    """What is committed waits no more, nor what is still in a transaction: it cannot be read."""
    pipeline, partition = given.pipeline, given.partition
    waiting = {0: 0, 1: 0, 2: 0, partition: 3}
    assert (given.shown(), given.told()) == (waiting, (waiting, {partition}))
    options = {"bootstrap_servers": pipeline.brokers, "transactional_id": pipeline.group}
    with closing(KafkaProducer(**options)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(pipeline.requests, value=b"{}", partition=partition).get(timeout=30)
        assert given.told()[0] == given.shown() == waiting
        producer.commit_transaction()
    # the record, and what Kafka writes at the end of its transaction
    eventually(lambda: given.shown()[partition] == 5, "the end of the transaction")
    assert given.told()[0] == given.shown()
