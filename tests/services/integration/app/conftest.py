"""One ingest for the tests that only look at how it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.report.conftest import browser as browser  # noqa: PLC0414  a fixture, re-exported
from tests.services.conftest import Kafka
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.topics import make_topic


@dataclass(frozen=True)
class Service:
    """A running ingest, its addresses and its topic."""

    ingest: IngestProcess
    topic: str

    @property
    def home(self) -> str:
        """The address of its admin port, which the paths of its documentation are added to."""
        return f"http://127.0.0.1:{self.ingest.admin_port}"


@pytest.fixture(scope="session")
def service(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run an ingest with a topic of its own."""
    topic = make_topic(kafka.bootstrap_servers, "bid_requests")
    log = tmp_path_factory.mktemp("service") / "ingest.log"
    environ = {"KAFKA_BROKERS": kafka.bootstrap_servers, "KAFKA_TOPIC_BID_REQUESTS": topic}
    with IngestProcess(log, **environ, **PATIENT) as ingest:
        yield Service(ingest.wait_until_ready(), topic)
