"""What JSON readers are known to stumble over: a 400, and nothing on the topic."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.app.conftest import make_ingest
from verification.project import ROOT

LIMIT = 262_144
SAMPLES = ROOT / "samples"
EXPECTED: dict[str, Any] = json.loads((SAMPLES / "refused" / "expected.json").read_bytes())


def bid(members: bytes) -> bytes:
    """Return a bid request that is fine but for these members."""
    return b'{"id":"1","imp":[{"id":"1","native":{"request":""}}],"site":{},' + members + b"}"


TRAPS = {
    "NaN": bid(b'"tmax":NaN'),
    "Infinity": bid(b'"tmax":Infinity'),
    "minus infinity, far inside": bid(b'"ext":{"a":[{"b":-Infinity}]}'),
    "a number over the range of a double": bid(b'"ext":1e999'),
    "an integer of thousands of digits": bid(b'"ext":' + b"9" * 200_000),
    "a byte-order mark": b"\xef\xbb\xbf" + bid(b'"at":1'),
    "UTF-16": bid(b'"at":1').decode().encode("utf-16"),
    "UTF-16 without a mark": bid(b'"at":1').decode().encode("utf-16-be"),
    "UTF-32": bid(b'"at":1').decode().encode("utf-32"),
    "Latin-1": bid('"ext":"é"'.encode("latin-1")),
    "an overlong slash": bid(b'"ext":"\xc0\xaf"'),
    "half of a surrogate pair as bytes": bid(b'"ext":"\xed\xa0\x80"'),
    "half of a surrogate pair as an escape": bid(rb'"ext":"\ud83d"'),
    "a surrogate pair the wrong way round": bid(rb'"ext":"\ude00\ud83d"'),
    "half of a surrogate pair in a name": bid(rb'"ext":{"\udead":1}'),
    "a name twice": bid(b'"id":"2"'),
    "a name twice, far inside": bid(b'"ext":[{"a":{"b":1,"b":1}}]'),
    "a name twice, once in escapes": bid(rb'"\u0069d":"2"'),
    "nested arrays": bid(b'"ext":' + b"[" * 100_000 + b"]" * 100_000),
    "nested objects": bid(b'"ext":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000),
    "nested arrays without an end": b"[" * LIMIT,
    "65 levels": bid(b'"ext":' + b"[" * 64 + b"]" * 64),
    "trailing bytes": bid(b'"at":1') + b"x",
    "two documents": bid(b'"at":1') * 2,
    "a trailing comma": bid(b'"at":1,'),
    "a comment": bid(b'/**/"at":1'),
    "a null character": bid(b'"at":1') + b"\0",
    "a line break in a string": bid(b'"ext":"a\nb"'),
    "an array": b"[" + bid(b'"at":1') + b"]",
    "a string": b'"1"',
    "null": b"null",
    "nothing": b"",
    "a million impressions": b'{"id":"1","imp":[' + b"0," * 131_000 + b"0]}",
    "20,000 bad impressions": b'{"id":"1","imp":[' + b'{"id":1},' * 20_000 + b"{}]}",
    "a million members": b"{" + b",".join(b'"%d":0' % n for n in range(26_000)) + b"}",
}


@pytest.mark.parametrize("name", TRAPS)
def test_trap(name: str) -> None:
    """Refused with a problem document, whether it came compressed or not; nothing published."""
    ingest = make_ingest(max_body=LIMIT)
    plain = ingest.client.post("/bid", data=TRAPS[name])
    packed = ingest.client.post(
        "/bid", data=gzip.compress(TRAPS[name]), headers={"Content-Encoding": "gzip"}
    )
    for answer in (plain, packed):
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
        assert len(answer.data) < 10_000
    assert ingest.publisher.records == []


@pytest.mark.parametrize("body", [bid(b'"at":1'), bid(b'"ext":' + b"[" * 63 + b"]" * 63)])
def test_not_a_trap(body: bytes) -> None:
    """The request that the traps are hidden in is accepted without them, up to 64 levels."""
    ingest = make_ingest(max_body=LIMIT)
    assert ingest.client.post("/bid", data=body).status_code == 202
    assert [record.value for record in ingest.publisher.records] == [body]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_sample(path: Path) -> None:
    """Each sample of a valid request is accepted, without a warning."""
    ingest = make_ingest()
    assert ingest.client.post("/bid", data=path.read_bytes()).status_code == 202
    assert not [k for k, _ in ingest.publisher.records[0].headers if k.startswith("validation-")]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_refused_sample(name: str) -> None:
    """Each sample of a refused request has the status in its name and exactly its errors."""
    answer = make_ingest().client.post("/bid", data=(SAMPLES / "refused" / name).read_bytes())
    assert str(answer.status_code) == name.partition("-")[0]
    assert answer.json is not None
    found = [{"path": each["path"], "rule": each["rule"]} for each in answer.json["errors"]]
    assert found == EXPECTED[name]
    assert answer.json["error_count"] == len(found)
