"""Whatever comes in: one explicit answer, and the topic holds accepted bytes alone."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.http.body import inflate
from tests.unit.app.conftest import make_ingest

pytestmark = [pytest.mark.promise("explicit"), pytest.mark.promise("same-bytes")]

LIMIT = 2000

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


def post(body: bytes, headers: dict[str, str]) -> tuple[int, list[bytes]]:
    """Post to an application of its own; return the status and what is on the topic."""
    ingest = make_ingest(max_body=LIMIT)
    with capture_logs() as lines:
        status = ingest.client.post("/bid", data=body, headers=headers).status_code
    assert status in {202, 400, 413, 415}
    assert [line["status"] for line in lines] == [status]
    return status, [record.value for record in ingest.publisher.records]


@given(body=bodies)
def test_any_body_has_an_explicit_answer(body: bytes) -> None:
    """202 and exactly these bytes on the topic, or a refusal and nothing there; never a 500."""
    status, records = post(body, {})
    assert records == [body] * (status == 202)


@given(body=st.binary() | bodies.map(gzip.compress))
def test_any_gzip_body_has_an_explicit_answer(body: bytes) -> None:
    """The same holds for what calls itself gzip."""
    status, records = post(body, {"Content-Encoding": "gzip"})
    assert len(records) == (status == 202)


@given(
    name=st.sampled_from(["Content-Type", "Content-Encoding", "traceparent", "x-openrtb-version"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
)
def test_any_header_has_an_explicit_answer(name: str, value: str) -> None:
    """No header value that HTTP allows makes a 500."""
    body = b'{"id":"1","imp":[{"id":"1","banner":{}}]}'
    status, records = post(body, {name: value})
    assert len(records) == (status == 202)


@given(parts=st.lists(st.binary(max_size=100), max_size=5))
def test_inflating_undoes_compressing(parts: list[bytes]) -> None:
    """However a body is cut into gzip members, its bytes come out whole."""
    whole = b"".join(parts)
    assert inflate(b"".join(gzip.compress(p) for p in [*parts, b""]), LIMIT) == whole
