"""The whole pipeline as processes: Kafka, a proxy before it, the ingest and the bidding logic."""

from __future__ import annotations

import uuid
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.support.fault_proxy import FaultProxy
from tests.support.ingest import IngestProcess
from tests.support.ledger import Ledger
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.topics import create_topic
from verification.kafka.broker import EmbeddedKafka


class World:
    """Runs inside its context; `consumer` is another one after it was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.ledger = Ledger()
        self.broker = EmbeddedKafka(folder / "kafka")

    def __enter__(self) -> Self:
        """Start everything; returns once it is ready."""
        with ExitStack() as stack:
            stack.enter_context(self.broker)
            self.proxy = stack.enter_context(FaultProxy(self.broker.bootstrap_servers))
            self.pipeline = stack.enter_context(closing(self._pipeline()))
            self.ingest = stack.enter_context(self._ingest()).wait_until_ready()
            self._consumers = stack.enter_context(ExitStack())
            self.start_consumer()
            self.consumer.wait_until_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything in order."""
        self._stack.close()

    def start_consumer(self) -> None:
        """Start another bidding logic in the place of the one that ended."""
        name = f"consumer-{uuid.uuid4().hex[:8]}"
        through_proxy = {"KAFKA_BROKERS": self.proxy.bootstrap_servers}
        prepared = self.pipeline.consumer(name=name, **through_proxy)
        self.consumer: ConsumerProcess = self._consumers.enter_context(prepared)

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the processes of each service as they are at present."""
        workers = [psutil.Process(pid) for pid in self.ingest.worker_pids()]
        master = psutil.Process(self.ingest.process.pid)
        bidding = psutil.Process(self.consumer.process.pid)
        return {"ingest worker": workers, "ingest": [master], "bidding logic": [bidding]}

    def _pipeline(self) -> Pipeline:
        brokers = self.broker.bootstrap_servers
        for topic in ("bid_requests", "bid_decisions", "bid_requests.dlq"):
            create_topic(brokers, topic)
        return Pipeline(
            brokers, "bid_requests", "bid_decisions", "bid_requests.dlq", "soak", self._folder
        )

    def _ingest(self) -> IngestProcess:
        return IngestProcess(
            self._folder / "ingest.log",
            KAFKA_BROKERS=self.proxy.bootstrap_servers,
            KAFKA_TOPIC_BID_REQUESTS="bid_requests",
        )
