"""What the tests of the embedded Kafka and of `run` share."""

from __future__ import annotations

import os

import pytest

from verification.kafka.runtime import Runtime, prepare
from verification.kafka.training import train


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    """Provide Java, jars and start-up cache once, from the user's cache where they are there."""
    return prepare(os.environ, train)
