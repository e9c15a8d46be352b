"""Transactions under faults: a read_committed reader finds each decision once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest

from tests.services.faults.altered import (
    AFTER_END,
    BEFORE_EFFECTS,
    BEFORE_END,
    BEFORE_OFFSETS,
    STOPPED,
    altered,
)
from tests.services.records import decided
from tests.support.fault_proxy import Fault, FaultProxy, Times, Way
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("exactly-once")]

QUICK = {
    "CONSUMER_PUBLISH_TIMEOUT_MS": "1000",
    "CONSUMER_COMMIT_TIMEOUT_MS": "1000",
    "CONSUMER_CONNECT_TIMEOUT_MS": "1000",
    "CONSUMER_RETRY_BACKOFF_MAX_MS": "200",
}
# What is given up because somebody stood still is written again, which is not for every test.
PATIENT = {
    "CONSUMER_PUBLISH_TIMEOUT_MS": "5000",
    "CONSUMER_COMMIT_TIMEOUT_MS": "10000",
    "CONSUMER_CONNECT_TIMEOUT_MS": "5000",
}
# of Kafka's protocol: each step of a transaction
PRODUCE, ADD_PARTITIONS, ADD_OFFSETS, END, COMMIT_OFFSETS = 0, 24, 25, 26, 28
STEPS = (PRODUCE, ADD_PARTITIONS, ADD_OFFSETS, COMMIT_OFFSETS, END)


def member(pipeline: Pipeline, *program: str, name: str, **environ: str) -> ConsumerProcess:
    """Prepare a member with transactions, under a name of its own."""
    return pipeline.consumer(
        *program,
        name=environ.pop("log", name),
        PROCESSING_GUARANTEE="exactly_once",
        CONSUMER_GROUP_INSTANCE_ID=name,
        **QUICK | environ,
    )


def send(pipeline: Pipeline, prefix: str, count: int = 20) -> set[str]:
    """Send requests, every fifth of them poison, and return the ids of the others."""
    ids = [f"{prefix}-{number}" for number in range(count)]
    texts = [b'{"no-id":"%s"}' % bid_id.encode() for bid_id in ids[::5]]
    good = [bid_id for number, bid_id in enumerate(ids) if number % 5]
    pipeline.send(*texts, *[b'{"id":"%s"}' % i.encode() for i in good], key=prefix.encode())
    return {*good}


def assert_each_once(pipeline: Pipeline, ids: set[str], letters: int) -> None:
    """Each decision and each dead letter is there, and there once."""

    def seen() -> tuple[dict[str, int], list[bytes]]:
        dead = read_all(pipeline.brokers, pipeline.dead_letters, "read_committed")
        return decided(pipeline, "read_committed"), [letter.value for letter in dead]

    # Kafka shows a transaction's offsets and its records one after the other
    eventually(lambda: seen()[0].keys() >= ids, "the decisions to be visible")
    eventually(lambda: len(seen()[1]) >= letters, "the dead letters to be visible")
    decisions, dead = seen()
    assert decisions == dict.fromkeys(ids, 1)
    assert len(dead) == len({*dead}) == letters


@contextmanager
def far_member(pipeline: Pipeline) -> Iterator[tuple[ConsumerProcess, FaultProxy]]:
    """Run a member that reaches Kafka through a proxy."""
    with (
        FaultProxy(pipeline.brokers) as proxy,
        member(replace(pipeline, brokers=proxy.bootstrap_servers), name="m-0") as consumer,
    ):
        consumer.wait_until_ready()
        yield consumer, proxy


@pytest.mark.parametrize(
    ("point", "left_behind"),
    [(BEFORE_EFFECTS, 0), (BEFORE_OFFSETS, 1), (BEFORE_END, 1), (AFTER_END, 0)],
)
@scenario(
    "Killed before effects, before offsets, before the commit, or after it",
    kept="Every decision and every dead letter, once",
    recovery="Its successor makes Kafka abort what was open and goes on",
)
def test_killed_at_a_step_of_a_transaction(
    pipeline: Pipeline, point: str, left_behind: int
) -> None:
    """What was written and not committed stays invisible, and is written once more."""
    ids = send(pipeline, "killed")
    with member(pipeline, *altered(point), name="m-0", **PATIENT) as killed:
        assert killed.process.wait(timeout=60) == -signal.SIGKILL
    with member(pipeline, name="m-0", log="successor", **PATIENT):
        eventually(lambda: pipeline.committed() == 20, "the successor's commit", 60)
    assert_each_once(pipeline, ids, letters=4)
    assert decided(pipeline) == dict.fromkeys(ids, 1 + left_behind)


@pytest.mark.parametrize("point", [BEFORE_OFFSETS, BEFORE_END])
@scenario(
    "A member is stopped within a transaction for longer than its session, then goes on",
    kept="Every decision once: Kafka refuses its commit",
    recovery="Another member takes over; the first joins again",
)
def test_a_zombie_cannot_write_twice(pipeline: Pipeline, point: str) -> None:
    """Its partitions are another's by the time it wakes up, and its transaction is void."""
    ids = send(pipeline, "before")
    with member(pipeline, *altered(point, "consumer", STOPPED), name="zombie") as zombie:
        process = psutil.Process(zombie.process.pid)
        eventually(lambda: process.status() == psutil.STATUS_STOPPED, "it to fall asleep", 60)
        with member(pipeline, name="other"):
            eventually(lambda: pipeline.committed() == 20, "the other one's commit", 60)
            zombie.process.send_signal(signal.SIGCONT)
            eventually(lambda: zombie.retries("sinks"), "its commit to be refused")
            zombie.wait_until_ready()
            ids |= send(pipeline, "after")
            eventually(lambda: pipeline.committed() == 40, "all commits", 60)
    assert_each_once(pipeline, ids, letters=8)


@scenario(
    "Another process takes a member's name",
    kept="Every decision once",
    recovery="The one that had the name stops with an error",
)
def test_a_name_that_is_taken_stops_the_one_that_had_it(pipeline: Pipeline) -> None:
    """Two processes of one name do not drive each other out again and again."""
    with member(pipeline, name="m-0") as first:
        first.wait_until_ready()
        with member(pipeline, name="m-0", log="second") as second:
            second.wait_until_ready()
            ids = send(pipeline, "taken")
            assert first.process.wait(timeout=60) == 1
            eventually(lambda: pipeline.committed() == 20, "the second one's commit", 60)
    assert first.logged("stopped: another process has this member's name")
    assert_each_once(pipeline, ids, letters=4)


@scenario(
    "The connection breaks before or after each request of a transaction",
    kept="Every decision and every dead letter, once",
    recovery="The request is sent again, or the batch is",
)
def test_a_connection_that_breaks_at_each_step(pipeline: Pipeline) -> None:
    """Ten breaks, ten batches, and nothing twice."""
    ids: set[str] = set()
    with far_member(pipeline) as (_, proxy):
        for number, (api, way) in enumerate((api, way) for api in STEPS for way in Way):
            cut = Times(way, api)
            proxy.inject(Fault(cut=cut))
            ids |= send(pipeline, f"{api}-{way.value}", 5)
            eventually(lambda: cut.done, "the cut")  # noqa: B023  at once
            expected = 5 * (number + 1)
            eventually(pipeline.committed, "the commits", 20, until=expected.__eq__)
    assert_each_once(pipeline, ids, letters=10)


@scenario(
    "The answer to a commit never comes",
    kept="Every decision once, and counted once",
    recovery="Another producer ends the doubt: what was committed is not done again",
)
def test_a_commit_without_an_answer(pipeline: Pipeline) -> None:
    """Kafka has committed, the member cannot know, and asks before it does anything again."""
    with far_member(pipeline) as (consumer, proxy):
        proxy.inject(Fault(cut=Times(Way.RESPONSE, END, left=10_000)))
        ids = send(pipeline, "doubt")
        eventually(lambda: consumer.retries("sinks"), "the doubt", 60)
        proxy.heal()
        eventually(lambda: pipeline.committed() == 20, "the commit", 60)
        counted = {"outcome": "no_bid", "strategy": "no_bid"}
        eventually(
            lambda: consumer.samples("consumer_decisions_total", **counted) == [16],
            "the decisions to be counted",
        )
    assert_each_once(pipeline, ids, letters=4)
