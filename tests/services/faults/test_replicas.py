"""Three brokers: what a replica, a leader or a coordinator that goes does to what was accepted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from common.decisions import read
from tests.support.docker_cluster import DockerCluster
from tests.support.ingest import IngestProcess
from tests.support.ledger import Ledger
from tests.support.load import Client, Load
from tests.support.pipeline import Pipeline
from tests.support.reckoning import (
    assert_counters_reconcile,
    assert_nothing_lost,
    assert_recovers,
)
from tests.support.scenario import scenario
from tests.support.topics import make_topic, read_all
from tests.support.waiting import eventually

DEADLINE_S = 2.0

pytestmark = pytest.mark.timing


@pytest.fixture(scope="module")
def cluster(docker_engine: None) -> Iterator[DockerCluster]:  # noqa: ARG001  needed
    """Run three brokers for all tests of this module."""
    with DockerCluster() as cluster:
        yield cluster


def replicated_topic(cluster: DockerCluster, prefix: str, in_sync: int = 2) -> str:
    """Create a topic with three replicas, of which `in_sync` must have a record."""
    configs = {"min.insync.replicas": str(in_sync)}
    return make_topic(cluster.bootstrap_servers, prefix, configs, replicas=3)


def ingest(cluster: DockerCluster, topic: str, logs: Path) -> IngestProcess:
    """Prepare an ingest on a topic of the cluster."""
    return IngestProcess(
        logs / "ingest.log",
        KAFKA_BROKERS=cluster.bootstrap_servers,
        KAFKA_TOPIC_BID_REQUESTS=topic,
        INGEST_PUBLISH_TIMEOUT_MS=str(round(DEADLINE_S * 1000)),
    )


@pytest.mark.parametrize("end", ["stop", "kill"])
@scenario(
    fault="A broker of three goes, in order or by kill -9: its leaders move",
    client="503 for a moment at most",
    kept="What was accepted",
    recovery="The producer finds the new leaders",
)
def test_a_leader_moves_under_load(cluster: DockerCluster, tmp_path: Path, end: str) -> None:
    """Each partition has its leader go once; nothing that was accepted goes with it."""
    topic, ledger = replicated_topic(cluster, "bid_requests"), Ledger()
    with ingest(cluster, topic, tmp_path) as server:
        server.wait_until_ready()
        with Load(server.port, ledger) as load:
            load.until_accepted(30)
            getattr(cluster, end)(2)
            load.until_accepted(200, within_s=60)
            cluster.start(2)
            load.until_accepted(100, within_s=60)
        # the next test is to find it as this one did
        eventually(lambda: cluster.in_sync(topic) == {3}, "the broker to catch up", 90)
        assert_recovers(server)
        assert_counters_reconcile(server, ledger)
    assert_nothing_lost(cluster.bootstrap_servers, topic, ledger)


@scenario(
    fault="Fewer replicas in sync than `min.insync.replicas` demands, before a record is appended",
    client="503, the first ones after the publish deadline",
    kept="What was accepted",
    recovery="By itself, once the replica is back in sync",
)
def test_too_few_replicas_before_the_append(cluster: DockerCluster, tmp_path: Path) -> None:
    """What comes while a replica is known to be missing is refused, and never on the topic."""
    topic, ledger = replicated_topic(cluster, "bid_requests", in_sync=3), Ledger()
    with ingest(cluster, topic, tmp_path) as server:
        server.wait_until_ready()
        cluster.kill(3)
        eventually(lambda: cluster.in_sync(topic) == {2}, "the replica to be missed", 60)
        client = Client(server.port, ledger)
        for number in range(3):
            client.post(f"before-{number}")
        assert not ledger.accepted
        assert server.get("/healthz").status == 200
        assert not read_all(cluster.bootstrap_servers, topic)
        cluster.start(3)
        eventually(lambda: accepted(client), "acceptance", 90, 0.5)
        client.close()
        assert_recovers(server)
        assert_counters_reconcile(server, ledger)
    assert_nothing_lost(cluster.bootstrap_servers, topic, ledger)


@scenario(
    fault="A replica goes after a record is appended, and `min.insync.replicas` is not met",
    client="503 with `unknown`",
    kept="What was accepted, and what is `unknown` may be there",
    recovery="By itself, once the replica is back in sync",
)
def test_too_few_replicas_after_the_append(cluster: DockerCluster, tmp_path: Path) -> None:
    """What the leader has and a replica has not is not accepted, although it is on the topic."""
    topic, ledger = replicated_topic(cluster, "bid_requests", in_sync=3), Ledger()
    with ingest(cluster, topic, tmp_path) as server:
        server.wait_until_ready()
        with Load(server.port, ledger) as load:
            load.until_accepted(30)
            cluster.kill(3)
            load.until_not_accepted(20, within_s=60)
            cluster.start(3)
            load.until_accepted(100, within_s=90)
        assert_recovers(server)
        assert_counters_reconcile(server, ledger)
    appended = {record.key.decode() for record in read_all(cluster.bootstrap_servers, topic)}
    assert ledger.unknown & appended
    assert_nothing_lost(cluster.bootstrap_servers, topic, ledger)


@scenario(
    fault="The group's coordinator moves to another broker",
    client="Nothing",
    kept="Every request",
    recovery="Offsets are committed to the new coordinator",
)
def test_the_coordinator_moves(cluster: DockerCluster, tmp_path: Path) -> None:
    """The broker that keeps the group's offsets goes; every request is decided on all the same."""
    requests, decisions, dead = (replicated_topic(cluster, name) for name in ("in", "out", "dead"))
    group = uuid.uuid4().hex
    made = Pipeline(cluster.bootstrap_servers, requests, decisions, dead, group, tmp_path)
    with closing(made) as pipeline, pipeline.consumer() as consumer:
        consumer.wait_until_ready()
        pipeline.send(*[b'{"id":"before-%d"}' % number for number in range(20)])
        eventually(lambda: pipeline.committed() == 20, "the first commits", 60)
        went = coordinator(cluster)
        cluster.stop(went)
        pipeline.send(*[b'{"id":"after-%d"}' % number for number in range(20)])
        eventually(lambda: pipeline.committed() == 40, "the commits to another", 60)
        cluster.start(went)
    decided = {read(record.value).request.id for record in pipeline.decided()}
    assert len(decided) == 40


def accepted(client: Client) -> bool:
    """Post once, and say whether that is accepted."""
    answer = client.post(uuid.uuid4().hex)
    return answer is not None and answer.status == HTTPStatus.ACCEPTED


def coordinator(cluster: DockerCluster) -> int:
    """Return the broker that keeps the offsets of every group: their topic has one partition."""
    with closing(KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)) as admin:
        (topic,) = admin.describe_topics(["__consumer_offsets"])
    leader: int = topic["partitions"][0]["leader_id"]
    return leader
