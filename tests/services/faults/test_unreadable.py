"""Records that Kafka has and the bidding logic cannot read: they stop their partition alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from tests.services.faults.altered import NO_CODECS, altered
from tests.services.faults.test_dead_letters import dlq
from tests.services.records import decided, each_guarantee, ids, requests, spread
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.segments import flip_byte, segment
from tests.support.topics import admin
from tests.support.waiting import eventually
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.runtime import prepare
from verification.kafka.training import train

pytestmark = [pytest.mark.timing, pytest.mark.promise("record-isolation")]

LAST_OFFSET_DELTA = 23  # where it stands in a batch
HEALTHY = 20
SKIP = {"CONSUMER_UNREADABLE": "skip"}
each_codec = pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])


def compress_topic(pipeline: Pipeline, codec: str) -> None:
    """Have the broker compress whatever comes."""
    configs = {"compression.type": codec}
    with admin(pipeline.brokers) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, pipeline.requests, configs)])


def send(pipeline: Pipeline, partition: int, *values: bytes) -> None:
    """Write each as a batch of its own."""
    options = {"bootstrap_servers": pipeline.brokers, "max_request_size": 64 << 20}
    with closing(KafkaProducer(**options, compression_type="gzip")) as producer:
        for value in values:
            producer.send(pipeline.requests, value, key=b"k", partition=partition).get(30)


def the_letter(pipeline: Pipeline) -> dict[str, str]:
    """Return what the headers of the one dead letter say; it has no value."""
    (letter,) = pipeline.given_up()
    assert letter.value == b""
    return {name: value.decode() for name, value in letter.headers}


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
    assert consumer.samples("consumer_unreadable_partitions") == [1]
    assert consumer.terminate() == 0
    assert decided(pipeline).keys() >= ids(HEALTHY, "zero") | ids(HEALTHY, "two")


@pytest.mark.promise("decides")
@each_codec
@scenario(
    "The topic's `compression.type` is gzip, snappy, lz4 or zstd",
    recovery="None is needed: all four are read",
)
def test_what_the_broker_compresses_is_decided_on(pipeline: Pipeline, codec: str) -> None:
    """Each codec as Java's own libraries write it, and beyond what one block of it holds."""
    compress_topic(pipeline, codec)
    send(pipeline, 1, *(value + b" " * 100_000 for value in requests(10)))
    large = {"batch_size": 1_000_000, "linger_ms": 1000}  # many records in one
    with closing(KafkaProducer(bootstrap_servers=pipeline.brokers, **large)) as producer:
        for value in requests(100, "many"):
            producer.send(pipeline.requests, value + b" " * 5_000, partition=0)
    with pipeline.consumer():
        eventually(lambda: pipeline.committed() == 110, "all commits", 60)
    assert decided(pipeline) == dict.fromkeys(ids(10) | ids(100, "many"), 1)


@scenario(
    "A record that the Kafka client cannot decode",
    kept="Everything: its partition waits before it",
    recovery="The other partitions go on; this one as soon as a client can read it",
)
def test_an_unreadable_record_holds_its_partition_alone(pipeline: Pipeline) -> None:
    """It is named, the service is alive, beats and stops, and the others are decided on."""
    send(pipeline, 1, *(value + b" " * 1_000 for value in requests(3, "packed")))
    with pipeline.consumer(*altered(NO_CODECS), name="cannot") as consumer:
        spread(pipeline, 20)  # as they come, not compressed
        eventually(lambda: consumer.logged("record cannot be read"), "the error", 60)
        assert consumer.terminate() == 0
    assert not decided(pipeline).keys() & ids(3, "packed")
    with pipeline.consumer(name="can"):
        eventually(lambda: pipeline.committed() == 23, "all commits", 60)
    assert decided(pipeline).keys() == ids(3, "packed") | ids(20)


@pytest.mark.promise("bounded")
@each_codec
@scenario(
    "A batch of a few kilobytes inflates beyond `CONSUMER_MAX_BATCH_BYTES`",
    kept="Everything: its partition waits before it, or a dead letter names it",
    recovery="By a higher limit, or by `CONSUMER_UNREADABLE=skip`",
)
def test_a_decompression_bomb(pipeline: Pipeline, codec: str) -> None:
    """It is held at first; with `skip` one dead letter names it, and the partition goes on."""
    compress_topic(pipeline, codec)
    bomb = b'{"id":"bomb"}' + b" " * (4 << 20)
    send(pipeline, 1, *requests(2, "before"), bomb, *requests(2, "behind"))
    limit = {"CONSUMER_MAX_BATCH_BYTES": "1048576"}
    with pipeline.consumer(name="holds", **limit) as consumer:
        assert_held(pipeline, consumer, offset=2)
    with pipeline.consumer(name="skips", **limit, **SKIP):
        eventually(lambda: pipeline.committed() == 2 * HEALTHY + 5, "all commits", 60)
    said = the_letter(pipeline)
    assert (said["dlq-first-offset"], said["dlq-last-offset"]) == ("2", "2")
    assert said["dlq-error"].startswith("TooLargeError")
    assert decided(pipeline).keys() >= ids(2, "before") | ids(2, "behind")
    counts = json.loads(dlq(pipeline, "replay")[0])
    assert (counts["replayed"], counts["unreadable"]) == (0, 1)


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


@each_guarantee
@pytest.mark.parametrize("at", [-10, LAST_OFFSET_DELTA], ids=["content", "header"])
@scenario(
    "A byte of a record, or of a batch's header, is changed on the broker's disk",
    kept="Everything: its partition waits before it, or a dead letter names its offsets, size "
    "and SHA-256",
    recovery="From a replica that has it whole, or by `CONSUMER_UNREADABLE=skip`",
)
def test_a_changed_byte(harmed: Pipeline, disk: Disk, guarantee: dict[str, str], at: int) -> None:
    """It is held at first; with `skip` one dead letter names it, and the partition goes on."""
    send(harmed, 1, *requests(5))
    batch = flip_byte(segment(disk.data, harmed.requests, 1), 2, at)
    with harmed.consumer(name="holds", **guarantee) as consumer:
        assert_held(harmed, consumer, offset=2)
    dead = {"name": "consumer_dead_letters_total", "reason": "unreadable"}
    with harmed.consumer(name="skips", **guarantee, **SKIP) as consumer:
        eventually(lambda: consumer.samples(**dead) == [1], "its letter", 60)
        eventually(lambda: "r-4" in decided(harmed), "what is behind", 60)
    said = the_letter(harmed)
    assert (said["dlq-partition"], said["dlq-reason"]) == ("1", "unreadable")
    assert (said["dlq-first-offset"], said["dlq-last-offset"]) == ("2", "2")
    assert said["dlq-batch-bytes"] == str(len(batch))
    assert said["dlq-batch-sha256"] == sha256(batch).hexdigest()
    assert decided(harmed).keys() & ids(5) == ids(5) - {"r-2"}


@scenario(
    "The last batch that is there is broken, and says that it ends beyond the log",
    kept="Everything: nobody knows what a skip would leave out",
    recovery="With the next record behind it, or by a person",
)
def test_a_batch_whose_end_is_not_certain_is_held(harmed: Pipeline, disk: Disk) -> None:
    """Even where it is to be skipped, until the record behind it says where it ends."""
    send(harmed, 1, *requests(3))
    flip_byte(segment(disk.data, harmed.requests, 1), 2, LAST_OFFSET_DELTA)
    with harmed.consumer(**SKIP) as consumer:
        (held, *_) = eventually(lambda: consumer.logged("record cannot be read"), "it", 60)
        assert "not certain" in held["goes_on"]
        assert harmed.given_up() == []
        send(harmed, 1, *requests(1, "behind"))
        eventually(lambda: harmed.committed() == 4, "all commits", 60)
    assert the_letter(harmed)["dlq-last-offset"] == "2"
    assert json.loads(harmed.decided()[-1].value)["request"]["id"] == "behind-0"
