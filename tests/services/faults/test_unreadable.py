"""Records that Kafka has and the bidding logic cannot read: they stop their partition alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from tests.services.faults.doomed_consumer import NO_CODECS
from tests.services.faults.test_consumer_trouble import (
    DOOMED,
    GUARANTEES,
    decided,
    requests,
    spread,
)
from tests.services.faults.test_dead_letters_put_back import dlq
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.segments import flip_byte, segment
from tests.support.topics import admin
from tests.support.waiting import eventually
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.runtime import prepare
from verification.kafka.training import train

pytestmark = pytest.mark.timing

CODECS = ("gzip", "snappy", "lz4", "zstd")
LAST_OFFSET_DELTA = 23  # where it stands in a batch
HEALTHY = 20
SKIP = {"CONSUMER_UNREADABLE": "skip"}


def compress_topic(pipeline: Pipeline, codec: str) -> None:
    """Have the broker compress whatever comes."""
    configs = {"compression.type": codec}
    with admin(pipeline.brokers) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, pipeline.requests, configs)])


def send(pipeline: Pipeline, partition: int, *values: bytes) -> list[Any]:
    """Write each as a batch of its own, and return the record metadata."""
    options = {"bootstrap_servers": pipeline.brokers, "max_request_size": 64 << 20}
    with closing(KafkaProducer(**options, compression_type="gzip")) as producer:
        return [
            producer.send(pipeline.requests, value, key=b"k", partition=partition).get(30)
            for value in values
        ]


def ids(prefix: str, count: int) -> set[str]:
    """Return what requests() calls its requests."""
    return {f"{prefix}-{number}" for number in range(count)}


def assert_held(pipeline: Pipeline, consumer: ConsumerProcess, offset: int) -> None:
    """Partition 1 waits at the offset, the others are committed to their end; the end is in order.

    Of partition 1, as many records are committed as lie before the offset.
    """
    eventually(lambda: consumer.logged("record cannot be read"), "the error", 60)
    send(pipeline, 0, *requests(HEALTHY, "zero"))
    send(pipeline, 2, *requests(HEALTHY, "two"))
    eventually(lambda: pipeline.committed() == 2 * HEALTHY + offset, "the others' commits", 60)
    (seen, *_) = consumer.logged("record cannot be read")
    assert (seen["topic"], seen["partition"], seen["offset"]) == (pipeline.requests, 1, offset)
    assert consumer.get("/healthz")[0] == 200
    assert "partition 1" in consumer.get("/readyz")[1]
    assert "consumer_unreadable_partitions 1.0" in consumer.get("/metrics")[1]
    assert consumer.terminate() == 0
    assert decided(pipeline).keys() >= ids("zero", HEALTHY) | ids("two", HEALTHY)


class TestCodecs:
    """Kafka has a record, and its client knows no way to decompress it."""

    @pytest.mark.parametrize("codec", CODECS)
    @scenario(
        fault="The topic's `compression.type` is gzip, snappy, lz4 or zstd",
        client="Nothing",
        kept="Every request",
        recovery="None is needed: all four are read",
    )
    def test_what_the_broker_compresses_is_decided_on(self, pipeline: Pipeline, codec: str) -> None:
        """Each codec as Java's own libraries write it, and beyond what one block of it holds."""
        compress_topic(pipeline, codec)
        values = [value + b" " * 100_000 for value in requests(10)]
        send(pipeline, 1, *values)
        with pipeline.consumer():
            eventually(lambda: pipeline.committed() == 10, "all commits", 60)
        assert decided(pipeline) == dict.fromkeys(ids("r", 10), 1)

    @scenario(
        fault="A record that the Kafka client cannot decode",
        client="Nothing",
        kept="Everything: its partition waits before it",
        recovery="The other partitions go on; this one as soon as a client can read it",
    )
    def test_an_unreadable_record_holds_its_partition_alone(self, pipeline: Pipeline) -> None:
        """It is named, the service is alive, beats and stops, and the others are decided on."""
        send(pipeline, 1, *(value + b" " * 1_000 for value in requests(3, "packed")))
        with pipeline.consumer(*DOOMED, NO_CODECS, name="cannot") as consumer:
            spread(pipeline, 20)  # as they come, not compressed
            eventually(lambda: consumer.logged("record cannot be read"), "the error", 60)
            assert consumer.terminate() == 0
        assert not decided(pipeline).keys() & ids("packed", 3)
        with pipeline.consumer(name="can"):
            eventually(lambda: pipeline.committed() == 23, "all commits", 60)
        assert decided(pipeline).keys() == ids("packed", 3) | ids("r", 20)

    @pytest.mark.parametrize("codec", CODECS)
    @scenario(
        fault="A batch of a few kilobytes inflates beyond `CONSUMER_MAX_BATCH_BYTES`",
        client="Nothing",
        kept="Everything: its partition waits before it, or a dead letter names it",
        recovery="By a higher limit, or by `CONSUMER_UNREADABLE=skip`",
    )
    def test_a_decompression_bomb(self, pipeline: Pipeline, codec: str) -> None:
        """It is held at first; with `skip` one dead letter names it, and the partition goes on."""
        compress_topic(pipeline, codec)
        bomb = b'{"id":"bomb"}' + b" " * (4 << 20)
        send(pipeline, 1, *requests(2, "before"), bomb, *requests(2, "behind"))
        limit = {"CONSUMER_MAX_BATCH_BYTES": "1048576"}
        with pipeline.consumer(name="holds", **limit) as consumer:
            assert_held(pipeline, consumer, offset=2)
        with pipeline.consumer(name="skips", **limit, **SKIP):
            eventually(lambda: pipeline.committed() == 2 * HEALTHY + 5, "all commits", 60)
        (letter,) = pipeline.given_up()
        said = {name: value.decode() for name, value in letter.headers}
        assert (said["dlq-first-offset"], said["dlq-last-offset"]) == ("2", "2")
        assert said["dlq-error"].startswith("TooLargeError")
        assert decided(pipeline).keys() >= ids("before", 2) | ids("behind", 2)
        said = json.loads(dlq(pipeline, "replay")[0])
        assert (said["replayed"], said["unreadable"]) == (0, 1)


@dataclass(frozen=True)
class Disk:
    """A broker on this host, and where it keeps its data."""

    brokers: str
    data: Path


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """Run a broker whose files can be changed."""
    data = tmp_path_factory.mktemp("harmed-kafka")
    with EmbeddedKafka(data, prepare(os.environ, train)) as broker:
        yield Disk(broker.bootstrap_servers, data)


@pytest.fixture
def harmed(disk: Disk, tmp_path: Path) -> Iterator[Pipeline]:
    """Make topics there."""
    with closing(Pipeline.made(disk.brokers, tmp_path)) as pipeline:
        yield pipeline


class TestDisk:
    """A broker's disk has changed what was acknowledged."""

    @pytest.mark.parametrize("guarantee", GUARANTEES)
    @pytest.mark.parametrize("at", [-10, LAST_OFFSET_DELTA], ids=["content", "header"])
    @scenario(
        fault="A byte of a record, or of a batch's header, is changed on the broker's disk",
        client="Nothing",
        kept="Everything: its partition waits before it, or a dead letter names its offsets, size "
        "and SHA-256",
        recovery="From a replica that has it whole, or by `CONSUMER_UNREADABLE=skip`",
    )
    def test_a_changed_byte(self, harmed: Pipeline, disk: Disk, guarantee: str, at: int) -> None:
        """It is held at first; with `skip` one dead letter names it, and the partition goes on."""
        send(harmed, 1, *requests(5))
        batch = flip_byte(segment(disk.data, harmed.requests, 1), 2, at)
        environ = {"PROCESSING_GUARANTEE": guarantee, **GUARANTEES[guarantee]}
        with harmed.consumer(name="holds", **environ) as consumer:
            assert_held(harmed, consumer, offset=2)
        with harmed.consumer(name="skips", **environ, **SKIP) as consumer:
            eventually(lambda: 'reason="unreadable"} 1.0' in consumer.get("/metrics")[1], "it", 60)
            eventually(lambda: "r-4" in decided(harmed), "what is behind", 60)
        (letter,) = harmed.given_up()
        said = {name: value.decode() for name, value in letter.headers}
        assert (said["dlq-partition"], said["dlq-reason"]) == ("1", "unreadable")
        assert (said["dlq-first-offset"], said["dlq-last-offset"]) == ("2", "2")
        assert (said["dlq-batch-bytes"], letter.value) == (str(len(batch)), b"")
        assert said["dlq-batch-sha256"] == sha256(batch).hexdigest()
        assert decided(harmed).keys() & ids("r", 5) == ids("r", 5) - {"r-2"}

    @scenario(
        fault="The last batch that is there is broken, and says that it ends beyond the log",
        client="Nothing",
        kept="Everything: nobody knows what a skip would leave out",
        recovery="With the next record behind it, or by a person",
    )
    def test_a_batch_whose_end_is_not_certain_is_held(self, harmed: Pipeline, disk: Disk) -> None:
        """Even where it is to be skipped, until the record behind it says where it ends."""
        send(harmed, 1, *requests(3))
        flip_byte(segment(disk.data, harmed.requests, 1), 2, LAST_OFFSET_DELTA)
        with harmed.consumer(**SKIP) as consumer:
            (held, *_) = eventually(lambda: consumer.logged("record cannot be read"), "it", 60)
            assert "not certain" in held["goes_on"]
            assert harmed.given_up() == []
            send(harmed, 1, *requests(1, "behind"))
            eventually(lambda: harmed.committed() == 4, "all commits", 60)
        (letter,) = harmed.given_up()
        assert dict(letter.headers)["dlq-last-offset"] == b"2"
        assert json.loads(harmed.decided()[-1].value)["request"]["id"] == "behind-0"
