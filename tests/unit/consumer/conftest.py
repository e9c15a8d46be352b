"""Keeps what main() does to the process's logging away from other tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Put structlog and the root logger back as they were."""
    root, kafka = logging.getLogger(), logging.getLogger("kafka")
    before = (root.handlers, root.level, kafka.level)
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers = before[0]
    root.setLevel(before[1])
    kafka.setLevel(before[2])
