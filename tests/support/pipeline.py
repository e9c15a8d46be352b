"""The real bidding logic as a process, and the topics and group that belong to it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.support.process import Running
from tests.support.topics import PARTITIONS, create_topic, read_all

GRACE_S = 40  # terminationGracePeriodSeconds of the deployment


class ConsumerProcess(Running):
    """`python -m consumer`, or another program in its stead, on a free port of loopback."""

    grace_s = GRACE_S

    def __init__(self, log: Path, program: Sequence[str], environ: dict[str, str]) -> None:
        own = {"CONSUMER_HEALTH_HOST": "127.0.0.1", "CONSUMER_HEALTH_PORT": "0"}
        super().__init__(program, log, own | environ)

    def __exit__(self, *error: object) -> None:
        """Stop it in order, unless a test has done so."""
        if self.process.poll() is None:
            super().__exit__(*error)

    @property
    def address(self) -> str:
        """Where its probes and metrics are served."""
        return f"{self.host}:{self.port}"

    def get(self, path: str) -> tuple[int, str]:
        """GET a path and return status and body."""
        answer = self.ask("GET", path)
        return answer.status, answer.body.decode()

    def lines(self) -> list[dict[str, Any]]:
        """Return what it wrote so far: one JSON object a line, or this fails."""
        *lines, unfinished = self.log.read_text().split("\n")
        assert unfinished == "" or self.process.poll() is None
        return [json.loads(line) for line in lines]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.lines() if line["event"] == event]

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

    def is_up(self) -> bool:
        """Say whether its probes are served."""
        self.port = next((line["port"] for line in self.logged("health served")), 0)
        return self.port > 0


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
