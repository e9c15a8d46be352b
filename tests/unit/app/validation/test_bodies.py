"""Whole bodies: samples, and what is large for no good reason, a 400 and nothing on the topic."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.app.conftest import Ingest, make_ingest
from verification.project import ROOT

pytestmark = pytest.mark.promise("valid")

LIMIT = 262_144
SAMPLES = sorted((ROOT / "samples").glob("*.json"))
REFUSED = ROOT / "samples" / "refused"
EXPECTED: dict[str, Any] = json.loads((REFUSED / "expected.json").read_bytes())


def bid(members: bytes) -> bytes:
    """Return a bid request that is fine but for these members."""
    return b'{"id":"1","imp":[{"id":"1","native":{"request":""}}],"site":{},' + members + b"}"


TRAPS = {
    "half of a surrogate pair": bid(rb'"ext":"\ud83d"'),
    "an integer of thousands of digits": bid(b'"ext":' + b"9" * 200_000),
    "nested arrays": bid(b'"ext":' + b"[" * 100_000 + b"]" * 100_000),
    "nested objects": bid(b'"ext":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000),
    "nested arrays without an end": b"[" * LIMIT,
    "65 levels": bid(b'"ext":' + b"[" * 64 + b"]" * 64),
    "a million impressions": b'{"id":"1","imp":[' + b"0," * 131_000 + b"0]}",
    "20,000 bad impressions": b'{"id":"1","imp":[' + b'{"id":1},' * 20_000 + b"{}]}",
    "a million members": b"{" + b",".join(b'"%d":0' % n for n in range(26_000)) + b"}",
}


@pytest.mark.promise("bounded")
@pytest.mark.parametrize("body", TRAPS.values(), ids=TRAPS)
def test_trap(body: bytes) -> None:
    """Refused with a small problem document, compressed or not; nothing is published."""
    ingest = make_ingest(max_body=LIMIT)
    for data, headers in ((body, {}), (gzip.compress(body), {"Content-Encoding": "gzip"})):
        answer = ingest.client.post("/bid", data=data, headers=headers)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
        assert len(answer.data) < 10_000
    assert ingest.publisher.records == []


@pytest.mark.parametrize("body", [bid(b'"at":1'), bid(b'"ext":' + b"[" * 63 + b"]" * 63)])
def test_not_a_trap(body: bytes) -> None:
    """The request that the traps are hidden in is accepted without them, up to 64 levels."""
    ingest = make_ingest(max_body=LIMIT)
    assert ingest.client.post("/bid", data=body).status_code == 202
    assert [record.value for record in ingest.publisher.records] == [body]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample(ingest: Ingest, path: Path) -> None:
    """Each sample of a valid request, of a realistic size, is accepted without a warning."""
    assert path.stat().st_size in range(500, 3_001)
    assert ingest.client.post("/bid", data=path.read_bytes()).status_code == 202
    assert not [k for k, _ in ingest.publisher.records[0].headers if k.startswith("validation-")]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_refused_sample(ingest: Ingest, name: str) -> None:
    """Each sample of a refused request has the status in its name and exactly its one error."""
    answer = ingest.client.post("/bid", data=(REFUSED / name).read_bytes())
    assert str(answer.status_code) == name.partition("-")[0]
    assert answer.json is not None
    found = [{"path": each["path"], "rule": each["rule"]} for each in answer.json["errors"]]
    assert found == EXPECTED[name]
    assert answer.json["error_count"] == len(found) == 1


def test_no_sample_is_left_out() -> None:
    """Each file has its errors, and there are a dozen of either kind."""
    assert {path.name for path in REFUSED.glob("*.json")} - {"expected.json"} == set(EXPECTED)
    assert min(len(EXPECTED), len(SAMPLES)) >= 12
