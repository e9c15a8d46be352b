"""Topics and a group of their own for every test."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Protocol

import pytest

from tests.integration.consumer.process import Pipeline, create_topic


class Kafka(Protocol):
    """A running cluster."""

    @property
    def bootstrap_servers(self) -> str:
        """Where this host reaches it."""


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Pipeline:
    """Make the three topics; the group comes into being with its first member."""
    run = uuid.uuid4().hex[:8]
    made = Pipeline(
        brokers=kafka.bootstrap_servers,
        requests=f"bid_requests-{run}",
        decisions=f"bid_decisions-{run}",
        dead_letters=f"bid_requests.dlq-{run}",
        group=f"bidding-logic-{run}",
        logs=tmp_path,
    )
    for name in (made.requests, made.decisions, made.dead_letters):
        create_topic(made.brokers, name)
    return made
