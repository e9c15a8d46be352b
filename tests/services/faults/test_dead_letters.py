"""Dead letters always fit, and what becomes of them holds up nobody else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource

from tests.services.faults.test_consumer_trouble import GUARANTEES, decided, requests, sample
from tests.services.faults.test_dead_letters_put_back import dlq
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.topics import admin, create_topic, delete_topic, read_all
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

USUAL, LARGE = 1_048_588, 5_000_000  # Kafka's own limit of a topic, and a larger one
FRAME = 61  # bytes of a batch around its records
RETRIES = 'consumer_retries_total{unavailable="sinks"}'


def let_take(pipeline: Pipeline, topic: str, limit: int) -> None:
    """Set the limit of a topic."""
    with admin(pipeline.brokers) as client:
        client.alter_configs([ConfigResource("TOPIC", topic, {"max.message.bytes": str(limit)})])


def send_large(pipeline: Pipeline, *values: bytes) -> None:
    """Write records of any size to the first partition."""
    options = {"bootstrap_servers": pipeline.brokers, "max_request_size": 2 * LARGE, "acks": "all"}
    with closing(KafkaProducer(**options)) as producer:
        for value in values:
            producer.send(pipeline.requests, value, key=b"k", partition=0).get(60)


def send_healthy(pipeline: Pipeline, prefix: str) -> None:
    """Write ten requests to each of the other partitions."""
    with closing(KafkaProducer(bootstrap_servers=pipeline.brokers, acks="all")) as producer:
        for number, value in enumerate(requests(20, prefix)):
            producer.send(pipeline.requests, value, key=b"h", partition=1 + number % 2)


def member(pipeline: Pipeline, guarantee: str, **environ: str) -> ConsumerProcess:
    """Prepare a consumer of that guarantee."""
    return pipeline.consumer(PROCESSING_GUARANTEE=guarantee, **GUARANTEES[guarantee], **environ)


def buried(pipeline: Pipeline) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield the dead letters that a read_committed reader finds, and their headers."""
    for letter in read_all(pipeline.brokers, pipeline.dead_letters, "read_committed"):
        yield letter, {name: value.decode() for name, value in letter.headers}


def assert_without_value(letter: Any, told: dict[str, str], value: bytes) -> None:  # noqa: ANN401  kafka-python ships no types
    """Expect a letter that says where its record lies, and what was left out."""
    assert (letter.key, letter.value) == (b"k", b"")
    assert told["dlq-value-bytes"] == str(len(value))
    assert told["dlq-value-sha256"] == hashlib.sha256(value).hexdigest()
    assert told["dlq-partition"] == "0"


NEAR, FAR = b"y" * 1_048_490, b"y" * 3_000_000


@pytest.mark.parametrize("guarantee", GUARANTEES)
class TestSize:
    """A poison is as large as it likes."""

    @pytest.mark.parametrize("limit", [USUAL, LARGE], ids=["usual", "large"])
    @scenario(
        fault="Poison just under and far over what the topic of dead letters takes",
        client="Nothing",
        kept="Whole where the topic takes it; else its position, size and SHA-256, key and headers",
        recovery="The record itself stays on `bid_requests` for as long as that keeps it",
    )
    def test_a_poison_of_any_size_becomes_a_letter(
        self, pipeline: Pipeline, guarantee: str, limit: int
    ) -> None:
        """Whole or without its value, and what is behind it and beside it is decided on."""
        let_take(pipeline, pipeline.requests, LARGE)
        let_take(pipeline, pipeline.dead_letters, limit)
        send_large(pipeline, NEAR, FAR, *requests(1, "behind"))
        send_healthy(pipeline, "beside")
        with member(pipeline, guarantee) as consumer:
            eventually(lambda: pipeline.committed() == 23, "all commits", 60)
            assert consumer.terminate() == 0
        letters = list(buried(pipeline))
        assert len(letters) == 2
        for (letter, told), value in zip(letters, (NEAR, FAR), strict=True):
            if limit == LARGE:
                assert letter.value == value
            else:
                assert_without_value(letter, told, value)
        assert len(decided(pipeline)) == 21

    @scenario(
        fault="The limit of the topic of dead letters is lowered under the running service",
        client="Nothing",
        kept="The poison's position, size and SHA-256; everything else",
        recovery="By itself: the letter is written without its value",
    )
    def test_a_letter_that_only_the_broker_refuses_is_written_without_its_value(
        self, pipeline: Pipeline, guarantee: str
    ) -> None:
        """The refusal costs a producer, and nobody a decision."""
        let_take(pipeline, pipeline.requests, LARGE)
        let_take(pipeline, pipeline.dead_letters, LARGE)
        with member(pipeline, guarantee) as consumer:
            consumer.wait_until_ready()
            let_take(pipeline, pipeline.dead_letters, USUAL)
            send_large(pipeline, FAR, *requests(1, "behind"))
            send_healthy(pipeline, "beside")
            eventually(lambda: pipeline.committed() == 22, "all commits", 60)
            assert consumer.terminate() == 0
        ((letter, told),) = buried(pipeline)
        assert_without_value(letter, told, FAR)
        assert len(decided(pipeline)) == 21


class TestAway:
    """There is no place for dead letters."""

    @pytest.mark.parametrize("guarantee", GUARANTEES)
    @scenario(
        fault="The topic of dead letters is away for hours, one poison at a partition's end",
        client="Nothing",
        kept="Everything: its partition waits before it, the others are decided on",
        recovery="By itself, once the topic is there",
    )
    def test_one_poison_without_a_place_stops_nobody(
        self, pipeline: Pipeline, guarantee: str
    ) -> None:
        """It is tried more often than so many may be given up, and counts as one all the time."""
        with member(pipeline, guarantee, CONSUMER_RETRY_BACKOFF_MAX_MS="10") as consumer:
            consumer.wait_until_ready()
            delete_topic(pipeline.brokers, pipeline.dead_letters)
            send_large(pipeline, *requests(1, "before"), b"{")
            eventually(lambda: sample(consumer.get("/metrics")[1], RETRIES) > 1, "a retry", 60)
            for wave in ("first", "second"):
                send_healthy(pipeline, wave)
            eventually(lambda: pipeline.committed() == 41, "the commits of the others", 60)
            eventually(lambda: sample(consumer.get("/metrics")[1], RETRIES) > 102, "retries", 60)
            assert consumer.get("/healthz")[0] == 200
            create_topic(pipeline.brokers, pipeline.dead_letters)
            eventually(lambda: pipeline.committed() == 42, "the letter", 60)
            assert consumer.terminate() == 0
        assert {letter.value for letter, _ in buried(pipeline)} == {b"{"}
        assert len(decided(pipeline)) == 41


class TestPutBack:
    """What a person puts back fits, or is said to be left out."""

    @scenario(
        fault="A person replays dead letters at the limit of the topic, and without their value",
        client="Nothing",
        kept="The records that are whole; the others are counted and stay dead letters",
        recovery="What is poison again becomes a letter again",
    )
    def test_what_fitted_once_fits_again(self, pipeline: Pipeline) -> None:
        """To the byte, also as a letter of a replayed record; nothing empty is put back."""
        let_take(pipeline, pipeline.dead_letters, LARGE)
        exact = b"y" * (USUAL - FRAME - 15)  # three bytes are left
        send_large(pipeline, exact)
        with pipeline.consumer(name="first") as consumer:
            eventually(lambda: pipeline.committed() == 1, "the letter", 60)
            let_take(pipeline, pipeline.dead_letters, USUAL)
            assert consumer.terminate() == 0
        counts = json.loads(dlq(pipeline, "replay")[0])
        assert counts == {
            "replayed": 1,
            "without_value": 0,
            "too_large": 0,
            "unreadable": 0,
            "to": pipeline.requests,
        }
        records = read_all(pipeline.brokers, pipeline.requests)
        assert [(record.value, record.headers) for record in records] == [(exact, [])] * 2
        with pipeline.consumer(name="second") as consumer:
            eventually(lambda: len(pipeline.given_up()) == 2, "the letter of the replayed", 60)
            assert consumer.terminate() == 0
        listed = [json.loads(line) for line in dlq(pipeline, "list")]
        assert sorted(line["whole"] for line in listed) == [False, True]
        counts = json.loads(dlq(pipeline, "replay")[0])
        assert (counts["replayed"], counts["without_value"]) == (0, 1)
        assert len(read_all(pipeline.brokers, pipeline.requests)) == 2
