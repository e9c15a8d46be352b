"""Three brokers: what a replica, a leader or a coordinator that goes does to what was accepted."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from tests.services.records import decided, ids, requests
from tests.support.docker_kafka import DockerCluster
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
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.timing,
    pytest.mark.promise("acknowledged", "explicit", "recovers"),
]


@pytest.fixture(scope="module")
def cluster(docker_engine: None) -> Iterator[DockerCluster]:  # noqa: ARG001  needed
    """Run three brokers for all tests of this module."""
    with DockerCluster() as cluster:
        yield cluster


def make_topic(cluster: DockerCluster, prefix: str = "bid_requests", in_sync: int = 2) -> str:
    """Create a topic with three replicas, of which `in_sync` must have a record."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    configs = {"min.insync.replicas": str(in_sync)}
    with closing(KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)) as admin:
        admin.create_topics([NewTopic(name, 3, 3, topic_configs=configs)])
    return name


@contextmanager
def ingest(
    cluster: DockerCluster, topic: str, logs: Path
) -> Iterator[tuple[IngestProcess, Ledger]]:
    """Run an ingest on a topic of the cluster, which at the end has lost and doubled nothing."""
    ledger = Ledger()
    with IngestProcess(
        logs / "ingest.log",
        KAFKA_BROKERS=cluster.bootstrap_servers,
        KAFKA_TOPIC_BID_REQUESTS=topic,
        INGEST_PUBLISH_TIMEOUT_MS="2000",
    ) as server:
        yield server.wait_until_ready(), ledger
        assert_recovers(server)
        assert_counters_reconcile(server, ledger)
    assert_nothing_lost(cluster.bootstrap_servers, topic, ledger)


@pytest.mark.parametrize("end", [DockerCluster.stop, DockerCluster.kill], ids=["stop", "kill"])
@scenario(
    "A broker of three goes, in order or by kill -9: its leaders move",
    client="503 for a moment at most",
    recovery="The producer finds the new leaders",
)
def test_a_leader_moves_under_load(
    cluster: DockerCluster, tmp_path: Path, end: Callable[[DockerCluster, int], None]
) -> None:
    """Each partition has its leader go once; nothing that was accepted goes with it."""
    topic = make_topic(cluster)
    with ingest(cluster, topic, tmp_path) as (server, ledger):
        with Load(server.port, ledger) as load:
            load.until_accepted(30)
            end(cluster, 2)
            load.until_accepted(200, within_s=60)
            cluster.start(2)
            load.until_accepted(100, within_s=60)
        # the next test is to find it as this one did
        eventually(lambda: cluster.in_sync(topic) == {3}, "the broker to catch up", 90)


@scenario(
    "Fewer replicas in sync than `min.insync.replicas` demands, before a record is appended",
    client="503, the first ones after the publish deadline",
    recovery="By itself, once the replica is back in sync",
)
def test_too_few_replicas_before_the_append(cluster: DockerCluster, tmp_path: Path) -> None:
    """What comes while a replica is known to be missing is refused, and never on the topic."""
    topic = make_topic(cluster, in_sync=3)
    with (
        ingest(cluster, topic, tmp_path) as (server, ledger),
        closing(Client(server.port, ledger)) as client,
    ):
        cluster.kill(3)
        eventually(lambda: cluster.in_sync(topic) == {2}, "the replica to be missed", 60)
        for number in range(3):
            client.post(f"before-{number}")
        assert not ledger.accepted
        assert server.get("/healthz").status == 200
        assert not read_all(cluster.bootstrap_servers, topic)
        cluster.start(3)

        def accepted() -> int:
            client.post(uuid.uuid4().hex)
            return len(ledger.accepted)

        eventually(accepted, "acceptance", 90, 0.5)


@scenario(
    "A replica goes after a record is appended, and `min.insync.replicas` is not met",
    client="503 with `unknown`",
    kept="What was accepted, and what is `unknown` may be there",
    recovery="By itself, once the replica is back in sync",
)
def test_too_few_replicas_after_the_append(cluster: DockerCluster, tmp_path: Path) -> None:
    """What the leader has and a replica has not is not accepted, although it is on the topic."""
    topic = make_topic(cluster, in_sync=3)
    with (
        ingest(cluster, topic, tmp_path) as (server, ledger),
        Load(server.port, ledger) as load,
    ):
        load.until_accepted(30)
        cluster.kill(3)
        load.until_not_accepted(20, within_s=60)
        cluster.start(3)
        load.until_accepted(100, within_s=90)
    appended = {record.key.decode() for record in read_all(cluster.bootstrap_servers, topic)}
    assert ledger.unknown & appended


@pytest.mark.promise("never-lost")
@scenario(
    "The group's coordinator moves to another broker",
    recovery="Offsets are committed to the new coordinator",
)
def test_the_coordinator_moves(cluster: DockerCluster, tmp_path: Path) -> None:
    """The broker that keeps the group's offsets goes; every request is decided on all the same."""
    requested, out, dead = (make_topic(cluster, name) for name in ("in", "out", "dead"))
    group = uuid.uuid4().hex
    made = Pipeline(cluster.bootstrap_servers, requested, out, dead, group, tmp_path)
    with closing(made) as pipeline, pipeline.consumer() as consumer:
        consumer.wait_until_ready()
        pipeline.send(*requests(20, "before"))
        eventually(lambda: pipeline.committed() == 20, "the first commits", 60)
        went = coordinator(cluster)
        cluster.stop(went)
        pipeline.send(*requests(20, "after"))
        eventually(lambda: pipeline.committed() == 40, "the commits to another", 60)
        cluster.start(went)
    assert decided(pipeline).keys() == ids(20, "before") | ids(20, "after")


def coordinator(cluster: DockerCluster) -> int:
    """Return the broker that keeps the offsets of every group: their topic has one partition."""
    with closing(KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)) as admin:
        (topic,) = admin.describe_topics(["__consumer_offsets"])
    leader: int = topic["partitions"][0]["leader_id"]
    return leader
