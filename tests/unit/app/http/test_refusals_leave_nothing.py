"""What a refused request held is let go of at once, not when the garbage collector comes by."""

from __future__ import annotations

import gzip

import pytest

from tests.support.garbage import kept_by_cycles
from tests.unit.app.conftest import MAX_BODY, Ingest

REFUSED = {
    "no JSON": (b" " * 100, {}, 400),
    "not valid": (b'{"id":""}', {}, 400),
    "too large": (b" " * (MAX_BODY + 1), {}, 413),
    "too large once inflated": (gzip.compress(bytes(10**6)), {"Content-Encoding": "gzip"}, 413),
    "no gzip": (b"x" * 100, {"Content-Encoding": "gzip"}, 400),
}


@pytest.mark.parametrize(("body", "headers", "status"), REFUSED.values(), ids=REFUSED)
def test_no_body_waits_for_the_collector(
    ingest: Ingest, body: bytes, headers: dict[str, str], status: int
) -> None:
    """A client that is refused again and again with the largest bodies costs no memory."""
    assert ingest.client.post("/bid", data=body, headers=headers).status_code == status
    with kept_by_cycles() as kept:
        for _ in range(3):
            ingest.client.post("/bid", data=body, headers=headers)
    assert kept == []
