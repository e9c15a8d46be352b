"""The bid request that everything is measured with: two impressions, about a kilobyte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "samples" / "two-imps.json"
PLACE = "BENCH-ID-XXXX"  # replaced with an id of each request's own; post.lua knows it, too


def template() -> bytes:
    """Return the body with a place for the id, as a partner's serializer would write it."""
    document = json.loads(SAMPLE.read_bytes()) | {"id": PLACE}
    return json.dumps(document, separators=(",", ":")).encode()


def numbered(whole: bytes, number: int) -> bytes:
    """Return the template with an id of its own."""
    return whole.replace(PLACE.encode(), b"bench-%06d" % number)


def smallest() -> bytes:
    """Return the least that is accepted, with a place for the id."""
    return b'{"id":"%s","imp":[{"id":"1","banner":{}}],"app":{}}' % PLACE.encode()


def bodies(count: int, whole: bytes | None = None) -> Iterator[bytes]:
    """Yield `count` bodies that differ in their ids, of the template or of another one."""
    made_of = whole or template()
    return (numbered(made_of, number) for number in range(count))
