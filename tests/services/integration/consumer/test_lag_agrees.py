"""What `make status` says of the lag, and what the gauges say: both of the same Kafka."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing

import pytest
from kafka import KafkaProducer

from consumer.kafka.clients import connect_group_offsets
from consumer.settings.consumer import load_settings
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually
from verification.cluster.tools.process import SubprocessRunner
from verification.project import ROOT
from verification.run.status.local_state import OwnPython
from verification.traffic.topics import Topics

pytestmark = pytest.mark.timing


@pytest.fixture
def partition(pipeline: Pipeline) -> int:
    """Have five records in one partition, of which two are committed."""
    sent = pipeline.send(*(b'{"id":"r-%d"}' % number for number in range(5)))
    pipeline.commit(sent[0].partition, 2)
    partition: int = sent[0].partition
    return partition


def told(pipeline: Pipeline) -> tuple[Mapping[int, int], Mapping[int, float]]:
    """Return records and seconds by partition, as `make status` has them."""
    environ = {**os.environ, "KAFKA_BROKERS": pipeline.brokers}
    topics = Topics(OwnPython(SubprocessRunner(environ, ROOT)))
    rows = topics.lag(pipeline.requests, pipeline.group)
    return (
        {row["partition"]: row["lag"] for row in rows},
        {row["partition"]: row["age_s"] for row in rows},
    )


def shown(pipeline: Pipeline) -> Mapping[int, int]:
    """Return records by partition, as the gauges have them."""
    environ = {
        "KAFKA_BROKERS": pipeline.brokers,
        "KAFKA_TOPIC_BID_REQUESTS": pipeline.requests,
        "KAFKA_CONSUMER_GROUP": pipeline.group,
    }
    with closing(connect_group_offsets(load_settings(environ))) as kafka:
        return {number: offsets.lag for number, offsets in kafka.read().items()}


def test_records(pipeline: Pipeline, partition: int) -> None:
    """Both count what the group has not committed, and see an age where something waits."""
    lags, ages = told(pipeline)
    assert lags == shown(pipeline) == {0: 0, 1: 0, 2: 0, partition: 3}
    assert {number for number, age in ages.items() if age} == {partition}


def test_transactions(pipeline: Pipeline, partition: int) -> None:
    """What is still in a transaction waits for neither: it cannot be read so far."""
    options = {"bootstrap_servers": pipeline.brokers, "transactional_id": pipeline.group}
    with closing(KafkaProducer(**options)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(pipeline.requests, value=b"{}", partition=partition).get(timeout=30)
        assert told(pipeline)[0] == shown(pipeline) == {0: 0, 1: 0, 2: 0, partition: 3}
        producer.commit_transaction()
    # the record, and what Kafka writes at the end of its transaction
    eventually(lambda: shown(pipeline)[partition] == 5, "the end of the transaction")
    assert told(pipeline)[0] == shown(pipeline)
