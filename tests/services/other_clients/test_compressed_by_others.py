"""Records that another client has compressed."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from common import decisions
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually

pytestmark = pytest.mark.promise("decides")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_what_librdkafka_compresses_is_decided_on(pipeline: Pipeline, codec: str) -> None:
    """Each codec as librdkafka frames it, and beyond what one block of it holds."""
    options = {"compression.type": codec, "linger.ms": 1000}
    producer = Producer({"bootstrap.servers": pipeline.brokers, **options})
    for number in range(100):
        body = b'{"id":"%d","imp":[{"id":"1"}]}' % number + b" " * 5_000
        producer.produce(pipeline.requests, body, partition=0)
    assert producer.flush(30) == 0
    with pipeline.consumer():
        eventually(lambda: pipeline.committed() == 100, "all commits", 60)
    requests = [decisions.read(decision.value).request for decision in pipeline.decided()]
    assert {(each.id, each.offset) for each in requests} == {(str(n), n) for n in range(100)}
