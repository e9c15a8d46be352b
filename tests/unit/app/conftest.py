"""The ingest with a fake publisher, ready to be posted to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, generate_latest

from app.health.worker_state import WorkerState
from app.http.application import create_admin_app, create_public_app
from app.http.bids import BID_ACCEPTED, BidHandler
from app.ingest import Ingest as UseCase
from app.metrics import IngestMetrics
from app.validation.validator import Validation
from common.event_log import EventLog
from common.logs import LogSettings
from tests.support.connections import Connections
from tests.support.fakes.publisher import FakePublisher

MAX_BODY = 5000
OPENAPI = b'{"openapi": "3.1.0"}'
BID: dict[str, Any] = {
    "id": "bid-1",
    "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
    "site": {"id": "site-1"},
}


@dataclass(frozen=True)
class Ingest:
    """Both applications, what they publish to, and what they count."""

    client: FlaskClient
    admin: FlaskClient
    publisher: FakePublisher
    registry: CollectorRegistry
    worker_state: WorkerState

    def count(self, name: str, **labels: str) -> float:
        """Return the value of a metric, 0 where it was never counted."""
        return self.registry.get_sample_value(name, labels) or 0.0


def make_ingest(
    validate: Validation | None = None, max_body: int = MAX_BODY, shared: Path = Path("nowhere")
) -> Ingest:
    """Build the applications at a fixed time with fixed dice."""
    registry = CollectorRegistry()
    publisher, worker_state = FakePublisher(), WorkerState(shared)
    handler = BidHandler(
        UseCase(publisher, validate, now=lambda: 1_700_000_000.123),
        IngestMetrics(registry),
        max_body,
        EventLog(BID_ACCEPTED, LogSettings("INFO", "console"), "tests", print),
        random_bytes=lambda n: b"\xaa" * n,
    )
    public = create_public_app(handler, publisher, worker_state)
    admin = create_admin_app(
        handler, publisher, worker_state, lambda: generate_latest(registry), OPENAPI
    )
    return Ingest(public.test_client(), admin.test_client(), publisher, registry, worker_state)


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    """Build the applications of a worker that says how it is."""
    return make_ingest(shared=tmp_path)


@pytest.fixture
def connections() -> Iterator[Connections]:
    """Make connections that end with the test."""
    with Connections() as made:
        yield made


@pytest.fixture
def bid() -> bytes:
    """Return a valid bid request with spaces that a re-encoding would lose."""
    return json.dumps(BID, indent=1).encode()
