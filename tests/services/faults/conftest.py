"""A real Kafka, with a proxy in front of it that does harm on demand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.conftest import Kafka
from tests.support.fault_proxy import FaultProxy
from tests.support.stage import Stage
from tests.support.topics import make_topic


@pytest.fixture
def stage(kafka: Kafka, tmp_path: Path) -> Iterator[Stage]:
    """Set up a topic of its own and a proxy."""
    brokers = kafka.bootstrap_servers
    topic = make_topic(brokers, "bid_requests")
    with FaultProxy(brokers) as proxy:
        yield Stage(brokers, proxy, topic, tmp_path)
