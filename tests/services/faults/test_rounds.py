"""Slow strategies and sinks: rounds end in time, and the lag is true meanwhile."""

from __future__ import annotations

import time

import pytest

from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

# a tenth of what a cluster has: the kubelet's 10 s, three failures, and the settings beside them
PERIOD_S = 1
FAILURES = 3
TENTHS = {
    "CONSUMER_POLL_TIMEOUT_MS": "50",
    "CONSUMER_COMMIT_INTERVAL_MS": "500",
    "CONSUMER_PUBLISH_TIMEOUT_MS": "1000",
    "CONSUMER_COMMIT_TIMEOUT_MS": "500",
    "CONSUMER_CONNECT_TIMEOUT_MS": "500",
    "CONSUMER_RETRY_BACKOFF_MAX_MS": "500",
    "CONSUMER_LIVENESS_TIMEOUT_MS": "6000",
}
SLOW = {"BIDDING_STRATEGY": "tests.support.fakes.slow_strategy:Slow", **TENTHS}


def fill(pipeline: Pipeline, count: int, milliseconds: int) -> None:
    """Send requests over all partitions, each of which takes so long to decide on."""
    body = b'{"id":"r%d-%d","imp":[{"id":"1"}]}'
    pipeline.send_each((b"%d" % n, body % (n, milliseconds)) for n in range(count))


def failures_in_a_row(consumer: ConsumerProcess, pipeline: Pipeline, records: int) -> int:
    """Probe as a kubelet does until all is committed, and return the longest row of failures."""
    longest = failures = 0
    while pipeline.committed() < records:
        failures = failures + 1 if consumer.get("/healthz")[0] != 200 else 0
        longest = max(longest, failures)
        time.sleep(PERIOD_S)
    return longest


def shown(consumer: ConsumerProcess, most: int) -> int:
    """Return the lag that the gauges show once it is new: no more than what waited before."""
    seen: list[int] = []

    def is_new() -> bool:
        lag = consumer.lag()
        seen.extend([lag] if lag is not None and lag <= most else [])
        return bool(seen)

    eventually(is_new, "a new figure")
    return seen[-1]


class TestSlowStrategy:
    """A strategy at its limit for each record of a backlog."""

    @scenario(
        fault="A strategy takes its whole time for each record of a backlog",
        client="Nothing",
        kept="Every request",
        recovery="None needed: each round ends in time and commits what it has come to",
    )
    def test_a_backlog_of_slow_decisions_is_worked_off(self, pipeline: Pipeline) -> None:
        """Its lag falls with each look, and liveness never fails as often as a kubelet minds."""
        fill(pipeline, 60, milliseconds=100)
        with pipeline.consumer(**SLOW) as consumer:
            consumer.wait_until_ready()
            assert failures_in_a_row(consumer, pipeline, 60) < FAILURES
            assert consumer.terminate() == 0
        assert len(pipeline.decided()) == 60

    @scenario(
        fault="SIGTERM in the middle of a slow backlog",
        client="Nothing",
        kept="Every request: what was decided on is committed, the rest stays on the topic",
        recovery="Its successor goes on at the committed offset",
    )
    def test_a_stop_leaves_the_rest_of_a_slow_backlog(self, pipeline: Pipeline) -> None:
        """It does not finish what it has polled, and nothing is decided twice."""
        fill(pipeline, 60, milliseconds=100)
        with pipeline.consumer(**SLOW, name="stopped") as stopped:
            eventually(pipeline.committed, "the first commit", 60)
            assert stopped.terminate() == 0
        assert len(pipeline.decided()) == pipeline.committed() < 60
        with pipeline.consumer(**SLOW, name="successor"):
            eventually(lambda: pipeline.committed() == 60, "the rest", 60)
        assert len(pipeline.decided()) == 60

    @scenario(
        fault="A burst that a slow strategy takes its time for",
        client="Nothing",
        kept="Every request",
        recovery="None needed; the gauge of the lag shows what waits, also while a round lasts",
    )
    def test_the_gauge_is_true_while_a_round_lasts(self, pipeline: Pipeline) -> None:
        """What it shows lies between what waited before and what waits after it was read."""
        fill(pipeline, 60, milliseconds=100)
        with pipeline.consumer(**SLOW) as consumer:
            consumer.wait_until_ready()
            looks = 0
            while before := pipeline.lag():
                assert shown(consumer, before) >= pipeline.lag()
                looks += 1
            assert looks > 1
            eventually(lambda: consumer.lag() == 0, "no lag")


class TestSlowSink:
    """A sink that is waited for and takes its time."""

    @scenario(
        fault="A sink that is waited for takes a second for each decision",
        client="Nothing",
        kept="Every request: none is committed without its decision in that sink",
        recovery="None needed: each round commits what the sink has taken",
    )
    def test_a_slow_sink_that_is_waited_for_is_waited_for(self, pipeline: Pipeline) -> None:
        """It gets each decision, hardly one twice: what is in its queue is not put there again."""
        sink = "tests.support.fakes.troubled_sinks:Sluggish"
        with pipeline.consumer(
            CONSUMER_SINKS=f"kafka,{sink}",
            CONSUMER_DURABLE_SINKS=f"kafka,{sink}",
            **{
                **TENTHS,
                "CONSUMER_PUBLISH_TIMEOUT_MS": "2000",
                "CONSUMER_LIVENESS_TIMEOUT_MS": "9000",
            },
        ) as consumer:
            fill(pipeline, 12, milliseconds=0)
            eventually(lambda: pipeline.committed() == 12, "all commits", 60)
            (delivered,) = consumer.samples("consumer_sink_delivered_total")
            assert 12 <= delivered < 18  # 42 where each round begins anew
            assert consumer.terminate() == 0


class TestTransactions:
    """Offsets at which there is no record for anybody."""

    @scenario(
        fault="Records come in transactions, whose ends lie on the topic and are no records",
        client="Nothing",
        kept="Every request",
        recovery="The group commits past them: its lag is 0 once all is decided",
    )
    def test_the_lag_is_nothing_behind_the_end_of_a_transaction(self, pipeline: Pipeline) -> None:
        """What Kafka writes at its end is committed past, so that nothing seems to wait."""
        pipeline.send_in_transactions(b'{"id":"r-1"}', b'{"id":"r-2"}')
        with pipeline.consumer() as consumer:
            eventually(lambda: len(pipeline.decided()) == 2, "the decisions", 60)
            eventually(lambda: pipeline.lag() == 0, "no lag for Kafka")
            eventually(lambda: consumer.lag() == 0, "no lag on the gauge")
