"""What a worker counts of the answers that its application had no part in."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app.bootstrap import build_server
from app.problems import HeadTooLarge
from app.service import Service
from app.settings import load_settings
from app.validation.validator import enforce_openrtb26
from common.log_stream import LogStream

pytestmark = pytest.mark.promise("counted")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Return what runs in a worker; nothing of it is started."""
    lines = LogStream(io.StringIO())
    server = build_server(load_settings({}), tmp_path, enforce_openrtb26(), lines)
    server.load()
    assert server.service is not None
    return server.service


@pytest.mark.parametrize(
    ("method", "path", "route", "bids"),
    [
        ("POST", "/bid", "/bid", 1),
        ("GET", "/bid", "/bid", 0),
        ("GET", "/healthz", "/healthz", 0),
        ("POST", "/of/a/client", "other", 0),
        ("", "", "", 0),
    ],
)
def test_an_early_refusal_is_counted_for_what_was_asked(
    service: Service, method: str, path: str, route: str, bids: int
) -> None:
    """Once by its route and status; as a received bid where it is known to be one, and only then.

    No client makes a new row of a metric.
    """
    service.note_problem(HeadTooLarge("odd"), method, path)
    value = service.metrics.registry.get_sample_value
    assert value("ingest_http_responses_total", {"route": route, "status": "431"}) == 1
    assert value("ingest_received_total") == bids
    assert (value("ingest_requests_total", {"outcome": "head-too-large"}) or 0) == bids
