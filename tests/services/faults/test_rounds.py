"""Slow strategies and sinks: rounds end in time, and the lag is true meanwhile."""

from __future__ import annotations

import time

import pytest

from tests.services.records import decided, ids, spread
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("never-lost")]

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


@pytest.fixture
def backlog(pipeline: Pipeline) -> Pipeline:
    """Have sixty requests wait over all partitions, each of which takes 100 ms to decide on."""
    body = b'{"id":"r%d-100","imp":[{"id":"1"}]}'
    pipeline.send_each((b"%d" % n, body % n) for n in range(60))
    return pipeline


def failures_in_a_row(consumer: ConsumerProcess, pipeline: Pipeline, records: int) -> int:
    """Probe as a kubelet does until all is committed, and return the longest row of failures."""
    longest = failures = 0
    while pipeline.committed() < records:
        failures = failures + 1 if consumer.get("/healthz")[0] != 200 else 0
        longest = max(longest, failures)
        time.sleep(PERIOD_S)
    return longest


@scenario(
    "A strategy takes its whole time for each record of a backlog",
    recovery="None needed: each round ends in time and commits what it has come to",
)
def test_a_backlog_of_slow_decisions_is_worked_off(backlog: Pipeline) -> None:
    """Liveness never fails as often as a kubelet minds."""
    with backlog.consumer(**SLOW) as consumer:
        consumer.wait_until_ready()
        assert failures_in_a_row(consumer, backlog, 60) < FAILURES
    assert len(backlog.decided()) == 60


@pytest.mark.promise("drains")
@scenario(
    "SIGTERM in the middle of a slow backlog",
    kept="Every request: what was decided on is committed, the rest stays on the topic",
    recovery="Its successor goes on at the committed offset",
)
def test_a_stop_leaves_the_rest_of_a_slow_backlog(backlog: Pipeline) -> None:
    """It does not finish what it has polled, and nothing is decided twice."""
    with backlog.consumer(**SLOW, name="stopped") as stopped:
        eventually(backlog.committed, "the first commit", 60)
        assert stopped.terminate() == 0
    assert len(backlog.decided()) == backlog.committed() < 60
    with backlog.consumer(**SLOW, name="successor"):
        eventually(lambda: backlog.committed() == 60, "the rest", 60)
    assert len(backlog.decided()) == 60


@pytest.mark.promise("observable")
@scenario(
    "A burst that a slow strategy takes its time for",
    recovery="None needed; the gauge of the lag shows what waits, also while a round lasts",
)
def test_the_gauge_is_true_while_a_round_lasts(backlog: Pipeline) -> None:
    """What it shows lies between what waited before and what waits after it was read."""
    with backlog.consumer(**SLOW) as consumer:
        consumer.wait_until_ready()
        looks = 0
        while before := backlog.lag():

            def is_new(lag: int | None, most: int = before) -> bool:
                return lag is not None and lag <= most

            shown = eventually(consumer.lag, "a new figure", until=is_new)
            assert shown is not None
            assert shown >= backlog.lag()
            looks += 1
        assert looks > 1
        eventually(lambda: consumer.lag() == 0, "no lag")


@scenario(
    "A sink that is waited for takes a second for each decision",
    kept="Every request: none is committed without its decision in that sink",
    recovery="None needed: each round commits what the sink has taken",
)
def test_a_slow_sink_that_is_waited_for_is_waited_for(pipeline: Pipeline) -> None:
    """It gets each decision, hardly one twice: what is in its queue is not put there again."""
    sinks = "kafka,tests.support.fakes.troubled_sinks:Sluggish"
    times = {"CONSUMER_PUBLISH_TIMEOUT_MS": "2000", "CONSUMER_LIVENESS_TIMEOUT_MS": "9000"}
    environ = TENTHS | times | {"CONSUMER_SINKS": sinks, "CONSUMER_DURABLE_SINKS": sinks}
    with pipeline.consumer(**environ) as consumer:
        spread(pipeline, 12)
        eventually(lambda: pipeline.committed() == 12, "all commits", 60)
        (delivered,) = consumer.samples("consumer_sink_delivered_total")
        assert 12 <= delivered < 18  # 42 where each round begins anew
    assert decided(pipeline).keys() == ids(12)


@scenario(
    "Records come in transactions, whose ends lie on the topic and are no records",
    recovery="The group commits past them: its lag is 0 once all is decided",
)
def test_the_lag_is_nothing_behind_the_end_of_a_transaction(pipeline: Pipeline) -> None:
    """What Kafka writes at its end is committed past, so that nothing seems to wait."""
    pipeline.send_in_transactions(b'{"id":"r-1"}', b'{"id":"r-2"}')
    with pipeline.consumer() as consumer:
        eventually(lambda: len(pipeline.decided()) == 2, "the decisions", 60)
        eventually(lambda: pipeline.lag() == 0, "no lag for Kafka")
        eventually(lambda: consumer.lag() == 0, "no lag on the gauge")
