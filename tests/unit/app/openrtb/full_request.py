"""A valid request with every object of OpenRTB 2.6 in it, and ways to break one thing there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, fields

from app.openrtb import bid_request
from app.schema.fields import Array, Object
from app.validation.explain import violations

_BANNER: dict[str, Any] = {"format": [{"w": 300, "h": 250}], "w": 300, "h": 250}
_SCHAIN: dict[str, Any] = {
    "complete": 1,
    "ver": "1.0",
    "nodes": [{"asi": "exchange.example", "sid": "1", "hp": 1}],
}
_COMPANY: dict[str, Any] = {"id": "1", "name": "Quayside", "domain": "quayside.example"}
_DATA: dict[str, Any] = {"id": "1", "segment": [{"id": "1", "value": "sailing"}]}
_GEO: dict[str, Any] = {"lat": 52.4, "lon": 4.9, "country": "NLD"}

_FULL = json.dumps(
    {
        "id": "full",
        "imp": [
            {
                "id": "1",
                "metric": [{"type": "viewability", "value": 0.5}],
                "banner": _BANNER,
                "video": {
                    "mimes": ["video/mp4"],
                    "companionad": [_BANNER],
                    "durfloors": [{"mindur": 15, "bidfloor": 2}],
                },
                "audio": {
                    "mimes": ["audio/mp4"],
                    "companionad": [_BANNER],
                    "durfloors": [{"maxdur": 15, "bidfloor": 2}],
                },
                "native": {"request": "{}"},
                "pmp": {"deals": [{"id": "1", "durfloors": [{"mindur": 5}]}]},
                "qty": {"multiplier": 14.2, "sourcetype": 1, "vendor": "audit.example"},
                "refresh": {"count": 1, "refsettings": [{"reftype": 1, "minint": 30}]},
            }
        ],
        "site": {
            "id": "1",
            "publisher": _COMPANY,
            "content": {
                "id": "1",
                "producer": _COMPANY,
                "network": _COMPANY,
                "channel": _COMPANY,
                "data": [_DATA],
            },
        },
        "device": {
            "geo": _GEO,
            "sua": {"browsers": [{"brand": "Chromium"}], "platform": {"brand": "Linux"}},
        },
        "user": {"id": "1", "geo": _GEO, "data": [_DATA], "eids": [{"uids": [{"id": "1"}]}]},
        "source": {"tid": "1", "schain": _SCHAIN, "ext": {"schain": _SCHAIN}},
        "regs": {"gdpr": 1},
    }
)


def full(site: str = "site") -> dict[str, Any]:
    """Return a copy of the request, its `site` standing under another name if so wished."""
    document: dict[str, Any] = json.loads(_FULL)
    document[site] = document.pop("site")
    return document


def findings(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the violations of `document` as pairs of path and rule."""
    return [(found.path, found.rule) for found in violations(document)]


def with_value(path: str, value: object) -> dict[str, Any]:
    """Return the full request with `value` at `path`."""
    document = full(_context_of(path))
    parent, last = _parent(document, path)
    parent[last] = value
    return document


def without(path: str) -> dict[str, Any]:
    """Return the full request with nothing at `path`."""
    document = full(_context_of(path))
    parent, last = _parent(document, path)
    del parent[last]
    return document


def declared() -> Iterator[tuple[str, fields.Field[Any]]]:
    """Yield each field of each object with the path at which the full request can hold it."""
    yield from _declared(bid_request(), "")


def _context_of(path: str) -> str:
    first = re.split(r"[.\[]", path)[0]
    return first if first in {"app", "dooh"} else "site"


def _parent(document: dict[str, Any], path: str) -> tuple[Any, Any]:
    *steps, last = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
    parent: Any = document
    for step in steps:
        parent = parent[step]
    return parent, last


def _declared(schema: Schema, path: str) -> Iterator[tuple[str, fields.Field[Any]]]:
    for name, field in schema.fields.items():
        here = f"{path}.{name}" if path else name
        yield here, field
        inner, at = (field.inner, f"{here}[0]") if isinstance(field, Array) else (field, here)
        if isinstance(inner, Object):
            yield from _declared(inner.schema, at)
