"""Apache Kafka in a container: the public image, one combined node."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import docker
from docker.errors import ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from verification.run.ports import free_port

IMAGE = "apache/kafka:4.3.1"
ALIAS = "kafka-service"
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


class DockerKafka:
    """A broker on a port of this host, and as kafka-service:19092 on a network of its own."""

    def __init__(self) -> None:
        settle_ryuk()
        self._port = free_port()
        self.network = Network()
        self._container = (
            DockerContainer(IMAGE)
            .with_bind_ports(9092, self._port)
            .with_envs(**self._settings())
            .with_command(["sh", "-c", START])
            .waiting_for(LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60))
        )

    @property
    def bootstrap_servers(self) -> str:
        """Where this host reaches the broker."""
        return f"localhost:{self._port}"

    @property
    def bootstrap_servers_inside(self) -> str:
        """Where containers on `network` reach the broker."""
        return f"{ALIAS}:19092"

    def __enter__(self) -> Self:
        """Start the network and the broker; returns once the broker serves."""
        self.network.create()
        self._container.with_network(self.network).with_network_aliases(ALIAS)
        self._container.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove both."""
        self._container.stop()
        self.network.remove()

    def _settings(self) -> dict[str, str]:
        return {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENERS": "HOST://:9092,INSIDE://:19092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"HOST://localhost:{self._port},INSIDE://{ALIAS}:19092",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
                "HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_HEAP_OPTS": "-Xms128m -Xmx256m",
        }
