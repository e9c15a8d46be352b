"""The real bidding logic as a process, and the topics and group that belong to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.support import topics
from tests.support.topics import read_all
from tests.support.waiting import eventually
from verification.project import ROOT

PARTITIONS = 3
GRACE_S = 40  # terminationGracePeriodSeconds of the deployment


class ConsumerProcess:
    """`python -m consumer`, or another program in its stead, on a free port of loopback."""

    def __init__(self, log: Path, program: Sequence[str], environ: dict[str, str]) -> None:
        self._log = log
        self._program = [sys.executable, *program]
        self.environ = {
            **{k: v for k, v in os.environ.items() if k.startswith(("PATH", "COVERAGE", "PYTHON"))},
            "CONSUMER_HEALTH_HOST": "127.0.0.1",
            "CONSUMER_HEALTH_PORT": "0",
            **environ,
        }

    def __enter__(self) -> Self:
        """Start it; returns once its probes are served."""
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(
                self._program, cwd=ROOT, env=self.environ, stdout=out, stderr=out
            )
        try:
            self._port = eventually(self._announced_port, "the consumer to serve its probes", 60)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it in order, unless a test has done so."""
        if self.process.poll() is None:
            assert self.terminate() == 0, self._log.read_text()

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GRACE_S)

    def wait_until_ready(self) -> None:
        """Wait until the group has given it partitions."""
        eventually(self._ready, "the consumer to be ready", 60)

    @property
    def address(self) -> str:
        """Where its probes and metrics are served."""
        return f"127.0.0.1:{self._port}"

    def get(self, path: str) -> tuple[int, str]:
        """GET a path and return status and body."""
        url = f"http://127.0.0.1:{self._port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def log(self) -> list[dict[str, Any]]:
        """Return what it wrote so far: one JSON object a line, or this fails."""
        *lines, unfinished = self._log.read_text().split("\n")
        assert unfinished == "" or self.process.poll() is None
        return [json.loads(line) for line in lines]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.log() if line["event"] == event]

    def not_ready(self, what: str) -> list[dict[str, Any]]:
        """Return the lines that say why a part of it is not ready."""
        return [line for line in self.logged("not ready") if line["what"] == what]

    def retries(self, unavailable: str) -> float:
        """Return how many rounds left something to be tried again."""
        return sum(self.samples("consumer_retries_total", unavailable=unavailable))

    def lag(self) -> int | None:
        """Return the sum of the gauges by partition, None where not all are there yet."""
        shown = self.samples("consumer_lag_messages")
        return int(sum(shown)) if len(shown) == PARTITIONS else None

    def samples(self, name: str, **labels: str) -> list[float]:
        """Return the values of a metric with these labels, whatever the others are."""
        _, page = self.get("/metrics")
        families = text_string_to_metric_families(page)
        found = [it for family in families for it in family.samples if it.name == name]
        return [it.value for it in found if labels.items() <= it.labels.items()]

    def _announced_port(self) -> int:
        alive = self.process.poll() is None
        port = next((line["port"] for line in self.logged("health served")), 0)
        # one that is doomed may have served its probes and be dead by now
        assert port or alive, self._log.read_text()
        return port

    def _ready(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False


@dataclass(frozen=True)
class Pipeline:
    """Three topics and a group of one test, which closes it at its end."""

    brokers: str
    requests: str
    decisions: str
    dead_letters: str
    group: str
    logs: Path
    _opened: ExitStack = field(default_factory=ExitStack, init=False)

    @classmethod
    def made(cls, brokers: str, logs: Path) -> Self:
        """Make the three topics; the group comes into being with its first member."""
        run = uuid.uuid4().hex[:8]
        names = (f"bid_requests-{run}", f"bid_decisions-{run}", f"bid_requests.dlq-{run}")
        for name in names:
            create_topic(brokers, name)
        return cls(brokers, *names, f"bidding-logic-{run}", logs)

    def close(self) -> None:
        """Close the connections to Kafka that were needed."""
        self._opened.close()

    def consumer(self, *program: str, name: str = "consumer", **environ: str) -> ConsumerProcess:
        """Prepare a consumer; settings may be given by name."""
        return ConsumerProcess(
            self.logs / f"{name}.log",
            program or ("-m", "consumer"),
            {
                "KAFKA_BROKERS": self.brokers,
                "KAFKA_TOPIC_BID_REQUESTS": self.requests,
                "KAFKA_TOPIC_BID_DECISIONS": self.decisions,
                "KAFKA_TOPIC_DEAD_LETTERS": self.dead_letters,
                "KAFKA_CONSUMER_GROUP": self.group,
                "CONSUMER_SESSION_TIMEOUT_MS": "6000",
                **environ,
            },
        )

    def send(self, *values: bytes, key: bytes = b"r-1") -> list[Any]:
        """Write requests under one key and return their record metadata."""
        return self.send_each((key, value) for value in values)

    def send_each(self, records: Iterable[tuple[bytes, bytes]]) -> list[Any]:
        """Write requests, each under the key before it, and return their record metadata."""
        headers = [("received-at", b"%d" % (time.time() * 1000))]
        sent = [
            self._producer.send(self.requests, value=value, key=key, headers=headers)
            for key, value in records
        ]
        return [future.get(timeout=30) for future in sent]

    def decided(self) -> list[Any]:
        """Return the records on the topic of decisions."""
        return read_all(self.brokers, self.decisions)

    def given_up(self) -> list[Any]:
        """Return the records on the topic of dead letters."""
        return read_all(self.brokers, self.dead_letters)

    def committed(self) -> int:
        """Return the sum of the group's committed offsets."""
        partitions = [TopicPartition(self.requests, number) for number in range(PARTITIONS)]
        return sum(self._asking.committed(partition) or 0 for partition in partitions)

    def lag(self) -> int:
        """Return how many offsets Kafka has after those that the group has committed."""
        partitions = [TopicPartition(self.requests, number) for number in range(PARTITIONS)]
        ends: dict[TopicPartition, int] = self._asking.end_offsets(partitions)
        return sum(ends.values()) - self.committed()

    def commit(self, partition: int, offset: int) -> None:
        """Commit for the group, as long as it has no member."""
        offsets = {TopicPartition(self.requests, partition): OffsetAndMetadata(offset, "", -1)}
        self._asking.commit(offsets)

    def send_in_transactions(self, *values: bytes) -> None:
        """Write each request in a transaction of its own."""
        options = {"bootstrap_servers": self.brokers, "transactional_id": f"tests-{self.group}"}
        with closing(KafkaProducer(**options)) as producer:
            producer.init_transactions()
            for value in values:
                producer.begin_transaction()
                producer.send(self.requests, value=value, key=b"r-1")
                producer.commit_transaction()

    @cached_property
    def _producer(self) -> Any:  # noqa: ANN401  no types there
        producer = KafkaProducer(bootstrap_servers=self.brokers, acks="all")
        self._opened.callback(producer.close)
        return producer

    @cached_property
    def _asking(self) -> Any:  # noqa: ANN401  the same
        """What asks for the group's offsets and is no member of it."""
        consumer = KafkaConsumer(bootstrap_servers=self.brokers, group_id=self.group)
        self._opened.callback(consumer.close)
        return consumer


@contextmanager
def admin(brokers: str) -> Iterator[Any]:
    """Connect for administration."""
    client = KafkaAdminClient(bootstrap_servers=brokers)
    try:
        yield client
    finally:
        client.close()


def create_topic(brokers: str, name: str) -> None:
    """Create a topic with the partitions that requests are spread over."""
    topics.create_topic(brokers, name, PARTITIONS)
