"""Options that every test run understands."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose the Kafka that the integration tests talk to."""
    parser.addoption(
        "--kafka",
        default="auto",
        metavar="auto|embedded|docker|HOST:PORT",
        help="auto: docker where an engine answers, else the embedded broker of `make run`",
    )
