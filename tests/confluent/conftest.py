"""The Kafka and the pipeline of the integration tests."""

from __future__ import annotations

from tests.integration.conftest import kafka as kafka  # noqa: PLC0414  a fixture, re-exported
from tests.integration.consumer.conftest import pipeline as pipeline  # noqa: PLC0414  the same
