"""Topics and a group of their own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest

from tests.integration.consumer.process import Pipeline


class Kafka(Protocol):
    """A running cluster."""

    @property
    def bootstrap_servers(self) -> str:
        """Where this host reaches it."""


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Iterator[Pipeline]:
    """Make the three topics; the group comes into being with its first member."""
    with closing(Pipeline.made(kafka.bootstrap_servers, tmp_path)) as pipeline:
        yield pipeline
