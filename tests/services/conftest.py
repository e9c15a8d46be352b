"""A real Kafka for all tests of the services, chosen by --kafka, and both services on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.docker_kafka import DockerKafka
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.pipeline import Pipeline
from tests.support.topics import make_topic
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.runtime import prepare
from verification.kafka.training import train


class Kafka(Protocol):
    """A running cluster."""

    @property
    def bootstrap_servers(self) -> str:
        """Where this host reaches it."""


@dataclass(frozen=True)
class GivenKafka:
    """A cluster that somebody else runs."""

    bootstrap_servers: str


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Run one Kafka for the whole session."""
    choice: str = pytestconfig.getoption("--kafka")
    with ExitStack() as stack:
        if choice == "docker":
            yield stack.enter_context(DockerKafka())
        elif choice == "embedded":
            data = tmp_path_factory.mktemp("embedded-kafka")
            yield stack.enter_context(EmbeddedKafka(data, prepare(os.environ, train)))
        else:
            yield GivenKafka(choice)


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """Make a topic for one test."""
    return make_topic(kafka.bootstrap_servers, "bid_requests")


StartIngest = Callable[..., AbstractContextManager[IngestProcess]]


@pytest.fixture
def start_ingest(kafka: Kafka, topic: str, tmp_path: Path) -> StartIngest:
    """Return what starts an ingest on this test's topic; settings may be given by name."""

    def start(**environ: str) -> IngestProcess:
        return IngestProcess(
            tmp_path / "ingest.log",
            **{
                "KAFKA_BROKERS": kafka.bootstrap_servers,
                "KAFKA_TOPIC_BID_REQUESTS": topic,
                **PATIENT,
                **environ,
            },
        )

    return start


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Iterator[Pipeline]:
    """Make the three topics; the group comes into being with its first member."""
    with closing(Pipeline.made(kafka.bootstrap_servers, tmp_path)) as pipeline:
        yield pipeline
