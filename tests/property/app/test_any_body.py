"""Whatever comes in: one explicit answer, and the topic holds accepted bytes alone."""

from __future__ import annotations

import gzip
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from app.health.worker_state import WorkerState
from app.http.application import create_public_app
from app.http.bids import BID_ACCEPTED, BidHandler
from app.http.body import inflate
from app.ingest import Ingest
from app.metrics import IngestMetrics
from app.problems import Problem
from app.validation import strict_json
from common.event_log import EventLog
from common.logs import LogSettings
from tests.support.fakes.publisher import FakePublisher

LIMIT = 2000
EXPLICIT = {202, 400, 413, 415}

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
bid_like = st.fixed_dictionaries(
    {"id": json_values, "imp": st.lists(st.fixed_dictionaries({"id": st.text()}) | json_values)},
    optional={"site": json_values, "device": json_values, "ext": json_values, "tmax": json_values},
)
bodies = (
    st.binary()
    | json_values.map(json.dumps).map(str.encode)
    | bid_like.map(lambda document: json.dumps(document).encode())
)


def post(publisher: FakePublisher, body: bytes, headers: dict[str, str]) -> TestResponse:
    """Post to an application of its own; what it accepts is one line of its log."""
    lines: list[str] = []
    log = EventLog(BID_ACCEPTED, LogSettings("INFO", "json"), "tests", lines.append)
    handler = BidHandler(Ingest(publisher), IngestMetrics(CollectorRegistry()), LIMIT, log)
    app = create_public_app(handler, publisher, WorkerState(Path("nowhere")))
    answer = app.test_client().post("/bid", data=body, headers=headers)
    assert len(lines) == (answer.status_code == HTTPStatus.ACCEPTED)
    return answer


@given(body=bodies)
def test_any_body_has_an_explicit_answer(body: bytes) -> None:
    """202 and exactly these bytes on the topic, or a refusal and nothing there; never a 500."""
    publisher = FakePublisher()
    answer = post(publisher, body, {})
    assert answer.status_code in EXPLICIT
    assert [r.value for r in publisher.records] == [body] * (answer.status_code == 202)


@given(body=st.binary() | bodies.map(gzip.compress))
def test_any_gzip_body_has_an_explicit_answer(body: bytes) -> None:
    """The same holds for what calls itself gzip."""
    publisher = FakePublisher()
    answer = post(publisher, body, {"Content-Encoding": "gzip"})
    assert answer.status_code in EXPLICIT
    assert len(publisher.records) == (answer.status_code == 202)


@given(
    name=st.sampled_from(["Content-Type", "Content-Encoding", "traceparent", "x-openrtb-version"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
)
def test_any_header_has_an_explicit_answer(name: str, value: str) -> None:
    """No header value that HTTP allows makes a 500."""
    body = b'{"id":"1","imp":[{"id":"1","banner":{}}]}'
    assert post(FakePublisher(), body, {name: value}).status_code in EXPLICIT


@given(document=st.dictionaries(st.text(), json_values))
def test_parsing_agrees_with_the_json_module(document: dict[str, Any]) -> None:
    """What is accepted is read as Python's own json module reads it."""
    raw = json.dumps(document).encode()
    try:
        parsed = strict_json.parse(raw)
    except Problem:
        return
    assert parsed == json.loads(raw)


@given(parts=st.lists(st.binary(max_size=100), max_size=5))
def test_inflating_undoes_compressing(parts: list[bytes]) -> None:
    """However a body is cut into gzip members, its bytes come out whole."""
    whole = b"".join(parts)
    assert inflate(b"".join(gzip.compress(p) for p in [*parts, b""]), LIMIT) == whole
