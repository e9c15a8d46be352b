"""The bidding logic on a real Kafka: every request is decided on, whatever happens."""

from __future__ import annotations

import pytest

from common import decisions
from tests.services.records import requests
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.pipeline import Pipeline
from tests.support.topics import create_topic, delete_topic
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("never-lost")]


def ids_and_offsets(pipeline: Pipeline) -> list[tuple[str, int]]:
    """Return id and offset of the requests that were decided on, in the order decided."""
    about = [decisions.read(record.value).request for record in pipeline.decided()]
    return [(request.id, request.offset) for request in about]


@pytest.mark.promise("decides")
def test_a_decision_lies_under_the_key_of_its_request_with_its_position(
    pipeline: Pipeline,
) -> None:
    """Key, headers, position and an OpenRTB response with the configured price."""
    environ = {"BIDDING_STRATEGY": "fixed_price", "BIDDING_PRICE": "0.75"}
    with pipeline.consumer(**environ) as consumer:
        consumer.wait_until_ready()
        body = b'{"id": "r-7", "imp": [{"id": "1", "bidfloor": 0.5}]}'
        (sent,) = pipeline.send(body, key=b"r-7")
        (decision,) = eventually(pipeline.decided, "the decision")
        (line,) = eventually(lambda: consumer.logged("bid decided"), "the log line")
    headers = dict(decision.headers)
    assert (decision.key, headers["content-type"]) == (b"r-7", b"application/json")
    assert headers["received-at"].isdigit()
    read = decisions.read(decision.value)
    assert read.request == decisions.Request("r-7", pipeline.requests, sent.partition, sent.offset)
    assert isinstance(read.response.seatbid, tuple)
    (bid,) = read.response.seatbid[0].bid
    assert (read.strategy, bid.price, bid.impid) == ("fixed_price", 0.75, "1")
    assert (line["id"], line["offset"], line["decision"]) == ("r-7", sent.offset, "bid")
    assert 0 <= line["latency_ms"] < 10_000


def test_order_is_kept_per_key(pipeline: Pipeline) -> None:
    """Two hundred requests of one key are decided on in their order, each once."""
    sent = pipeline.send(*requests(200))
    with pipeline.consumer(CONSUMER_MAX_POLL_RECORDS="37"):
        eventually(lambda: pipeline.committed() == 200, "all commits", 60)
    assert ids_and_offsets(pipeline) == [(f"r-{n}", m.offset) for n, m in enumerate(sent)]


@pytest.mark.promise("drains")
def test_sigterm_commits_leaves_the_group_and_exits_0(pipeline: Pipeline) -> None:
    """A successor gets the partitions at once and finds nothing to do again."""
    pipeline.send(*requests(50))
    # a member that had not left would keep its partitions for the session's two minutes
    with pipeline.consumer(name="first", CONSUMER_SESSION_TIMEOUT_MS="120000") as first:
        eventually(lambda: len(pipeline.decided()) >= 50, "the decisions")
        assert first.terminate() == 0
    assert pipeline.committed() == 50
    assert first.lines()[-1]["event"] == "stopped"
    with pipeline.consumer(name="second") as second:
        second.wait_until_ready()
        pipeline.send(*requests(1, "later"))
        eventually(lambda: pipeline.committed() == 51, "the successor's commit")
    assert len(pipeline.decided()) == 51


@pytest.mark.promise("recovers")
def test_a_kafka_that_answers_later_than_a_poll_lasts(pipeline: Pipeline) -> None:
    """A member that joins anew as it hears of partitions gets them, however short its polls."""
    pipeline.send(*requests(1))
    with FaultProxy(pipeline.brokers) as proxy:
        proxy.inject(Fault(delay_s=0.02))
        environ = {"KAFKA_BROKERS": proxy.bootstrap_servers, "CONSUMER_POLL_TIMEOUT_MS": "10"}
        with pipeline.consumer(**environ):
            eventually(lambda: pipeline.committed() == 1, "the commit")
    assert len(pipeline.decided()) == 1


@pytest.mark.promise("recovers")
def test_a_topic_that_takes_no_decisions_delays_them_and_loses_none(pipeline: Pipeline) -> None:
    """Nothing is committed meanwhile; afterwards all is decided in order, without a restart."""
    quick = {"CONSUMER_PUBLISH_TIMEOUT_MS": "1000", "CONSUMER_RETRY_BACKOFF_MAX_MS": "500"}
    with pipeline.consumer(**quick) as consumer:
        pipeline.send(*requests(1, "before"))
        eventually(lambda: pipeline.committed() == 1, "the first commit")
        delete_topic(pipeline.brokers, pipeline.decisions)
        pipeline.send(*requests(30))
        eventually(lambda: consumer.retries("sinks") > 2, "three retries", 60)
        assert "sinks: " in consumer.get("/readyz")[1]
        assert consumer.get("/healthz")[0] == 200
        assert pipeline.committed() == 1
        create_topic(pipeline.brokers, pipeline.decisions)
        eventually(lambda: pipeline.committed() == 31, "the commit", 60)
        consumer.wait_until_ready()
    first_of_each = dict.fromkeys(ids_and_offsets(pipeline))
    assert [*first_of_each] == [(f"r-{n}", n + 1) for n in range(30)]
