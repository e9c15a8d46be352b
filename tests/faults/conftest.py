"""A real Kafka, with a proxy in front of it that does harm on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.integration.conftest import Kafka
from tests.integration.conftest import kafka as kafka  # noqa: PLC0414  a fixture, re-exported
from tests.support.fault_proxy import FaultProxy
from tests.support.ingest import IngestProcess
from tests.support.ledger import Ledger
from tests.support.topics import make_topic

StartIngest = Callable[..., AbstractContextManager[IngestProcess]]


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """Make a topic for one test."""
    return make_topic(kafka.bootstrap_servers, "bid_requests", partitions=3)


@pytest.fixture
def proxy(kafka: Kafka) -> Iterator[FaultProxy]:
    """Put a proxy in front of the broker."""
    with FaultProxy(kafka.bootstrap_servers) as proxy:
        yield proxy


@pytest.fixture
def ledger() -> Ledger:
    """Begin an empty ledger."""
    return Ledger()


@pytest.fixture
def start_ingest(proxy: FaultProxy, topic: str, tmp_path: Path) -> StartIngest:
    """Return what starts an ingest that reaches Kafka through the proxy."""

    def start(**environ: str) -> IngestProcess:
        return IngestProcess(
            tmp_path / "ingest.log",
            **{
                "KAFKA_BROKERS": proxy.bootstrap_servers,
                "KAFKA_TOPIC_BID_REQUESTS": topic,
                **environ,
            },
        )

    return start
