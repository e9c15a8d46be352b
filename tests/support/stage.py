"""What a fault scenario plays on: a topic, a proxy before its broker, an ingest and a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.fault_proxy import FaultProxy
from tests.support.ingest import IngestProcess
from tests.support.ledger import Ledger
from tests.support.load import Load


@dataclass
class Stage:
    """One per test; `brokers` is the way to Kafka that no fault is on."""

    brokers: str
    proxy: FaultProxy
    topic: str
    logs: Path
    ledger: Ledger = field(default_factory=Ledger)

    def ingest(self, **environ: str) -> IngestProcess:
        """Prepare an ingest that reaches Kafka through the proxy; settings may be given by name."""
        return IngestProcess(
            self.logs / "ingest.log",
            **{
                "KAFKA_BROKERS": self.proxy.bootstrap_servers,
                "KAFKA_TOPIC_BID_REQUESTS": self.topic,
                **environ,
            },
        )

    def load(self, ingest: IngestProcess, clients: int = 4) -> Load:
        """Prepare clients that post to the ingest and keep the ledger."""
        return Load(ingest.port, self.ledger, clients)
