"""The short path: POST /bid without Flask's dispatch, and nobody can tell."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs
from werkzeug.test import Client

from app.http.bids import BidMiddleware
from app.problems import Problem
from tests.unit.app.conftest import MAX_BODY, Ingest, make_ingest
from tests.unit.app.http.test_bids import REFUSALS, TRACEPARENT

GZIP = {"Content-Encoding": "gzip"}
REQUESTS: list[tuple[bytes, dict[str, str]]] = [
    (b'{"id":"1","imp":[{"id":"1","banner":{}}]}', {}),
    (b'{"id":"1","imp":[{"id":"1","banner":{}}]}', {"traceparent": TRACEPARENT}),
    (b'{"id":"1","imp":[{"id":"1","banner":{}}]}', {"x-openrtb-version": "2.6"}),
    (gzip.compress(b'{"id":"1","imp":[{"id":"1","banner":{}}]}', mtime=0), GZIP),
    (b'{"id":"1","imp":[]}', {}),
    (b"{", {}),
    (b"", {}),
    (b"x" * (MAX_BODY + 1), {}),
    (gzip.compress(b" " * (MAX_BODY + 1), mtime=0), GZIP),
    (b"no gzip", GZIP),
    (b"{}", {"Content-Encoding": "br"}),
    (b"{}", {"Content-Type": "text/plain"}),
    (b"{}", {"Content-Length": "3"}),
]
Seen = tuple[Any, ...]


def short_path(ingest: Ingest) -> BidMiddleware:
    """Return what stands in front of Flask."""
    found = ingest.client.application.wsgi_app
    assert isinstance(found, BidMiddleware)
    return found


def seen(client: Client, ingest: Ingest, body: bytes, headers: dict[str, str]) -> Seen:
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


def both_ways(
    body: bytes, headers: dict[str, str], refusal: Problem | None = None
) -> tuple[Seen, Seen]:
    """Return what is seen of a request on the short path, and of the same through Flask."""
    short, through_flask = make_ingest(), make_ingest()
    short.publisher.refuses_with = through_flask.publisher.refuses_with = refusal
    return (
        seen(Client(short_path(short)), short, body, headers),
        seen(Client(short_path(through_flask).flask), through_flask, body, headers),
    )


@pytest.mark.parametrize(("body", "headers"), REQUESTS)
def test_both_ways_answer_count_log_and_publish_alike(body: bytes, headers: dict[str, str]) -> None:
    """Status, headers, body, log line, every count and the record are the same."""
    short, through_flask = both_ways(body, headers)
    assert short == through_flask


@pytest.mark.parametrize("refusal", [refusal for refusal, _, _ in REFUSALS])
def test_both_ways_refuse_alike(bid: bytes, refusal: Problem) -> None:
    """Each member of the closed set of refusals is the same answer on both ways."""
    short, through_flask = both_ways(bid, {}, refusal)
    assert short == through_flask


def test_a_failure_of_our_own_is_the_same_500(bid: bytes) -> None:
    """Also what nobody foresaw is answered, counted and logged, and alike."""
    short, through_flask = both_ways(bid, {}, ZeroDivisionError())  # type: ignore[arg-type]
    assert short == through_flask
    assert short[0].startswith("500")


def test_flask_is_not_asked_for_a_bid(ingest: Ingest, bid: bytes) -> None:
    """The path is short: Flask could not even answer."""
    path = short_path(ingest)
    path.flask = lambda _environ, _start_response: []
    assert Client(path).post("/bid", data=bid).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/bid", 405), ("POST", "/bid/", 404), ("POST", "/", 404), ("GET", "/healthz", 200)],
)
def test_everything_else_is_flasks(ingest: Ingest, method: str, path: str, status: int) -> None:
    """Another method or another path goes the long way, error pages included."""
    assert Client(short_path(ingest)).open(path, method=method).status_code == status
