"""The short path: POST /bid without Flask's dispatch, and nobody can tell."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs
from werkzeug.test import Client

from app.http.bids import BidMiddleware
from tests.unit.app.conftest import Ingest, make_ingest
from tests.unit.app.http.test_bids import GZIP, PROBLEMS, REFUSED_BODIES, TRACEPARENT

BODY = b'{"id":"1","imp":[{"id":"1","banner":{}}]}'
REQUESTS: list[tuple[bytes, dict[str, str], Exception | None]] = [
    (BODY, {}, None),
    (BODY, {"traceparent": TRACEPARENT}, None),
    (BODY, {"x-openrtb-version": "2.6"}, None),
    (gzip.compress(BODY, mtime=0), GZIP, None),
    *((body, headers, None) for body, headers, _ in REFUSED_BODIES.values()),
    *((BODY, {}, problem) for problem, _, _ in PROBLEMS),
    (BODY, {}, ZeroDivisionError()),
]


def short_path(ingest: Ingest) -> BidMiddleware:
    """Return what stands in front of Flask."""
    found = ingest.client.application.wsgi_app
    assert isinstance(found, BidMiddleware)
    return found


def seen(client: Client, ingest: Ingest, body: bytes, headers: dict[str, str]) -> tuple[Any, ...]:
    """Post a body and return all that can be seen of it, but for how long it took."""
    with capture_logs() as lines:
        answer = client.post("/bid", data=body, headers=headers)
    for line in lines:
        line.pop("latency_ms", None)
    counts = [
        line
        for line in generate_latest(ingest.registry).decode().splitlines()
        if "_created" not in line and "_seconds_" not in line
    ]
    records = ingest.publisher.records
    return answer.status, dict(answer.headers), answer.data, lines, counts, records


@pytest.mark.promise("counted")
@pytest.mark.parametrize(("body", "headers", "error"), REQUESTS)
def test_both_ways_answer_count_log_and_publish_alike(
    body: bytes, headers: dict[str, str], error: Exception | None
) -> None:
    """Status, headers, body, log line, counts and record are the same; a defect is a 500."""
    short, through_flask = make_ingest(), make_ingest()
    short.publisher.refuses_with = through_flask.publisher.refuses_with = error
    found = seen(Client(short_path(short)), short, body, headers)
    assert found == seen(Client(short_path(through_flask).flask), through_flask, body, headers)
    assert found[0].startswith("500") or not isinstance(error, ZeroDivisionError)


@pytest.mark.promise("fast")
def test_flask_is_not_asked_for_a_bid(ingest: Ingest) -> None:
    """The path is short: Flask could not even answer."""
    path = short_path(ingest)
    path.flask = lambda _environ, _start_response: []
    assert Client(path).post("/bid", data=BODY).status_code == 202


@pytest.mark.promise("explicit")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/bid", 405), ("POST", "/bid/", 404), ("POST", "/", 404), ("GET", "/healthz", 200)],
)
def test_everything_else_is_flasks(ingest: Ingest, method: str, path: str, status: int) -> None:
    """Another method or another path goes the long way, error pages included."""
    assert Client(short_path(ingest)).open(path, method=method).status_code == status
