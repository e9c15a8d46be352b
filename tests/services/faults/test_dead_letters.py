"""Dead letters always fit, hold up nobody else, and go back when a person wants them to."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource

from tests.services.records import decided, each_guarantee, requests
from tests.support.pipeline import Pipeline
from tests.support.scenario import scenario
from tests.support.topics import admin, create_topic, delete_topic, read_all
from tests.support.waiting import eventually
from verification.project import ROOT

pytestmark = [pytest.mark.timing, pytest.mark.promise("never-lost")]

USUAL, LARGE = 1_048_588, 5_000_000  # Kafka's own limit of a topic, and a larger one
FRAME = 61  # bytes of a batch around its records
NEAR, FAR = b"y" * 1_048_490, b"y" * 3_000_000


def let_take(pipeline: Pipeline, limit: int, *topics: str) -> None:
    """Set the limit of topics."""
    wanted = [ConfigResource("TOPIC", name, {"max.message.bytes": str(limit)}) for name in topics]
    with admin(pipeline.brokers) as client:
        client.alter_configs(wanted)


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


def buried(pipeline: Pipeline) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield the dead letters that a read_committed reader finds, and their headers."""
    for letter in read_all(pipeline.brokers, pipeline.dead_letters, "read_committed"):
        yield letter, {name: value.decode() for name, value in letter.headers}


def dlq(pipeline: Pipeline, *arguments: str) -> list[str]:
    """Run `python -m consumer dlq` and return its lines; fail where it fails."""
    argv = [sys.executable, "-m", "consumer", "dlq", *arguments]
    environ = pipeline.consumer().environ
    run = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def assert_without_value(letter: Any, told: dict[str, str], value: bytes) -> None:  # noqa: ANN401  kafka-python ships no types
    """Expect a letter that says where its record lies, and what was left out."""
    assert (letter.key, letter.value) == (b"k", b"")
    assert told["dlq-value-bytes"] == str(len(value))
    assert told["dlq-value-sha256"] == hashlib.sha256(value).hexdigest()
    assert told["dlq-partition"] == "0"


@each_guarantee
@pytest.mark.parametrize("limit", [USUAL, LARGE], ids=["usual", "large"])
@scenario(
    "Poison just under and far over what the topic of dead letters takes",
    kept="Whole where the topic takes it; else its position, size and SHA-256, key and headers",
    recovery="The record itself stays on `bid_requests` for as long as that keeps it",
)
def test_a_poison_of_any_size_becomes_a_letter(
    pipeline: Pipeline, guarantee: dict[str, str], limit: int
) -> None:
    """Whole or without its value, and what is behind it and beside it is decided on."""
    let_take(pipeline, LARGE, pipeline.requests)
    let_take(pipeline, limit, pipeline.dead_letters)
    send_large(pipeline, NEAR, FAR, *requests(1, "behind"))
    send_healthy(pipeline, "beside")
    with pipeline.consumer(**guarantee):
        eventually(lambda: pipeline.committed() == 23, "all commits", 60)
    for (letter, told), value in zip(buried(pipeline), (NEAR, FAR), strict=True):
        if limit == LARGE:
            assert letter.value == value
        else:
            assert_without_value(letter, told, value)
    assert len(decided(pipeline)) == 21


@each_guarantee
@scenario(
    "The limit of the topic of dead letters is lowered under the running service",
    kept="The poison's position, size and SHA-256; everything else",
    recovery="By itself: the letter is written without its value",
)
def test_a_letter_that_only_the_broker_refuses_is_written_without_its_value(
    pipeline: Pipeline, guarantee: dict[str, str]
) -> None:
    """The refusal costs a producer, and nobody a decision."""
    let_take(pipeline, LARGE, pipeline.requests, pipeline.dead_letters)
    with pipeline.consumer(**guarantee) as consumer:
        consumer.wait_until_ready()
        let_take(pipeline, USUAL, pipeline.dead_letters)
        send_large(pipeline, FAR, *requests(1, "behind"))
        send_healthy(pipeline, "beside")
        eventually(lambda: pipeline.committed() == 22, "all commits", 60)
    ((letter, told),) = buried(pipeline)
    assert_without_value(letter, told, FAR)
    assert len(decided(pipeline)) == 21


@pytest.mark.promise("record-isolation")
@each_guarantee
@scenario(
    "The topic of dead letters is away for hours, one poison at a partition's end",
    kept="Everything: its partition waits before it, the others are decided on",
    recovery="By itself, once the topic is there",
)
def test_one_poison_without_a_place_stops_nobody(
    pipeline: Pipeline, guarantee: dict[str, str]
) -> None:
    """It is tried more often than so many may be given up, and counts as one all the time."""
    with pipeline.consumer(CONSUMER_RETRY_BACKOFF_MAX_MS="10", **guarantee) as consumer:
        consumer.wait_until_ready()
        delete_topic(pipeline.brokers, pipeline.dead_letters)
        send_large(pipeline, *requests(1, "before"), b"{")
        eventually(lambda: consumer.retries("sinks") > 1, "a retry", 60)
        for wave in ("first", "second"):
            send_healthy(pipeline, wave)
        eventually(lambda: pipeline.committed() == 41, "the commits of the others", 60)
        eventually(lambda: consumer.retries("sinks") > 102, "retries", 60)
        assert pipeline.committed() == 41
        assert consumer.get("/healthz")[0] == 200
        create_topic(pipeline.brokers, pipeline.dead_letters)
        eventually(lambda: pipeline.committed() == 42, "the letter", 60)
    assert {letter.value for letter, _ in buried(pipeline)} == {b"{"}
    assert len(decided(pipeline)) == 41


@scenario(
    "A person replays the dead letters, twice",
    kept="Each is put back once, with its bytes, key and headers",
    recovery="`python -m consumer dlq replay`",
)
def test_each_dead_letter_goes_back_once(pipeline: Pipeline) -> None:
    """Listed, shown and put back; a second replay finds nothing left to do."""
    poison = [b"{%d" % number for number in range(5)]
    pipeline.send(*poison)
    with pipeline.consumer():
        eventually(lambda: pipeline.committed() == 5, "the dead letters", 60)
    listed = [json.loads(line) for line in dlq(pipeline, "list")]
    assert [line["reason"] for line in listed] == ["not-json"] * 5
    assert dlq(pipeline, "show", *listed[2]["at"].split(":"))[-1] == poison[2].decode()
    replayed = [json.loads(dlq(pipeline, "replay")[0])["replayed"] for _ in range(2)]
    assert replayed == [5, 0]
    records = read_all(pipeline.brokers, pipeline.requests)
    assert sorted(record.value for record in records) == sorted(poison * 2)
    back = [record for record in records if "dlq-replayed" in dict(record.headers)]
    assert [record.key for record in back] == [b"r-1"] * 5
    names = {name for record in back for name, _ in record.headers}
    assert names == {"received-at", "dlq-replayed"}


@scenario(
    "A person replays dead letters at the limit of the topic, and without their value",
    kept="The records that are whole; the others are counted and stay dead letters",
    recovery="What is poison again becomes a letter again",
)
def test_what_fitted_once_fits_again(pipeline: Pipeline) -> None:
    """To the byte, also as a letter of a replayed record; nothing empty is put back."""
    let_take(pipeline, LARGE, pipeline.dead_letters)
    exact = b"y" * (USUAL - FRAME - 15)  # three bytes are left
    send_large(pipeline, exact)
    with pipeline.consumer(name="first"):
        eventually(lambda: pipeline.committed() == 1, "the letter", 60)
        let_take(pipeline, USUAL, pipeline.dead_letters)
    counts = json.loads(dlq(pipeline, "replay")[0])
    left_out = {"without_value": 0, "too_large": 0, "unreadable": 0}
    assert counts == {"replayed": 1, "to": pipeline.requests, **left_out}
    records = read_all(pipeline.brokers, pipeline.requests)
    assert [(record.value, record.headers) for record in records] == [(exact, [])] * 2
    with pipeline.consumer(name="second"):
        eventually(lambda: len(pipeline.given_up()) == 2, "the letter of the replayed", 60)
    listed = [json.loads(line) for line in dlq(pipeline, "list")]
    assert sorted(line["whole"] for line in listed) == [False, True]
    counts = json.loads(dlq(pipeline, "replay")[0])
    assert (counts["replayed"], counts["without_value"]) == (0, 1)
    assert len(read_all(pipeline.brokers, pipeline.requests)) == 2
