"""Apache Kafka in containers, of the public image: one broker, or three with replicas."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Any, Self

import docker
from docker.errors import ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from verification.run.ports import free_port

IMAGE = "apache/kafka:4.3.1"
# The image appends to copies of its own files, which fails where its layer keeps them read-only.
START = """
rm -f /opt/kafka/config/*
cp /etc/kafka/docker/*.yaml /mnt/shared/config/ && chmod u+w /mnt/shared/config/*
exec /etc/kafka/docker/run
"""


def settle_ryuk() -> None:
    """Do without testcontainers' reaper where its image is not on the machine.

    Its image is pulled otherwise, which fails offline with an error about something that no test
    asked for. Each container here is stopped by the one who started it.
    """
    client = docker.from_env()
    try:
        client.images.get(testcontainers_config.ryuk_image)
    except ImageNotFound:
        testcontainers_config.ryuk_disabled = True
    finally:
        client.close()


class DockerCluster:
    """Combined nodes; each can be stopped and started, and keeps its port and its data."""

    nodes: tuple[int, ...] = (1, 2, 3)

    def __init__(self) -> None:
        settle_ryuk()
        self._ports = {node: free_port() for node in self.nodes}
        self.network = Network()
        self._stack = ExitStack()
        self._containers = {node: self._container(node) for node in self.nodes}

    @property
    def bootstrap_servers(self) -> str:
        """Where this host reaches the brokers."""
        return ",".join(f"localhost:{port}" for port in self._ports.values())

    @property
    def bootstrap_servers_inside(self) -> str:
        """Where containers on `network` reach the brokers."""
        return ",".join(f"kafka-{node}:19092" for node in self.nodes)

    def __enter__(self) -> Self:
        """Start the brokers; returns once all of them serve."""
        self._stack.callback(self.network.remove)
        self.network.create()
        for node, container in self._containers.items():
            self._stack.callback(container.stop)
            container.with_network(self.network).with_network_aliases(f"kafka-{node}")
            container.start()
        served = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(90)
        for container in self._containers.values():
            served.wait_until_ready(container)
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove everything."""
        self._stack.close()

    def stop(self, node: int) -> None:
        """Shut a broker down in order: what it leads moves to another first."""
        self._wrapped(node).stop(timeout=20)

    def kill(self, node: int) -> None:
        """Kill -9 a broker."""
        self._wrapped(node).kill()

    def start(self, node: int) -> None:
        """Start a broker that was stopped or killed."""
        self._wrapped(node).start()

    def in_sync(self, topic: str) -> set[int]:
        """Return how many replicas the partitions have in sync: one number where all are alike.

        The first broker is asked from within: a client of ours would ask the one that is away.
        """
        tool = ("/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kafka-1:19092")
        done = self._containers[1].exec([*tool, "--describe", "--topic", topic])
        assert done.exit_code == 0, done.output
        isrs = re.findall(r"Isr: ([0-9,]*)", done.output.decode())
        return {len(isr.split(",")) for isr in isrs}

    def _wrapped(self, node: int) -> Any:  # noqa: ANN401  docker ships no types
        return self._containers[node].get_wrapped_container()

    def _container(self, node: int) -> DockerContainer:
        return (
            DockerContainer(IMAGE)
            .with_bind_ports(9092, self._ports[node])
            .with_envs(**self._settings(node))
            .with_command(["sh", "-c", START])
        )

    def _settings(self, node: int) -> dict[str, str]:
        listeners = f"HOST://localhost:{self._ports[node]},INSIDE://kafka-{node}:19092"
        replicas = str(len(self.nodes))
        return {
            "CLUSTER_ID": "cnRiLWZhdWx0LXRlc3RzLQ",
            "KAFKA_NODE_ID": str(node),
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(f"{n}@kafka-{n}:9093" for n in self.nodes),
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENERS": "HOST://:9092,INSIDE://:19092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": listeners,
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
                "HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": replicas,
            "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": replicas,
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": str(len(self.nodes) // 2 + 1),
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            # short, so that a broker that died is noticed within a test
            "KAFKA_BROKER_SESSION_TIMEOUT_MS": "3000",
            "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
            "KAFKA_REPLICA_LAG_TIME_MAX_MS": "3000",
            "KAFKA_HEAP_OPTS": "-Xms128m -Xmx256m",
        }


class DockerKafka(DockerCluster):
    """One broker."""

    nodes = (1,)
