"""The answers to a bid request as OpenAPI response objects, made from the problems."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from app.problems import InternalError, InvalidBidRequest, NotServed, Problem, Unavailable

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_INDEX: Json = {"type": "integer", "minimum": 0}
_DELIVERY: Json = {
    "enum": ["none", "unknown"],
    "description": "Whether the record may turn up on the topic all the same: certainly not, "
    "or nobody knows; then try again with the same id.",
}
_VIOLATION: Json = {
    "type": "object",
    "properties": {"path": _TEXT, "rule": _TEXT, "message": _TEXT},
    "required": ["path", "rule", "message"],
}
_ERRORS: Json = {"type": "array", "maxItems": InvalidBidRequest.most_reported, "items": _VIOLATION}
# Members that a problem document has on top of those of RFC 9457, by the kind of the problem.
_MEMBERS: dict[type[Problem], Json] = {
    InvalidBidRequest: {"errors": _ERRORS, "error_count": _INDEX},
    Unavailable: {"delivery": _DELIVERY},
    InternalError: {"delivery": _DELIVERY},
}

SCHEMAS: dict[str, Json] = {
    "Accepted": {
        "type": "object",
        "description": "Where all in-sync replicas hold the record.",
        "properties": {
            "id": _TEXT,
            "status": {"const": "accepted"},
            "topic": _TEXT,
            "partition": _INDEX,
            "offset": _INDEX,
        },
        "required": ["id", "status", "topic", "partition", "offset"],
    },
    "Problem": {
        "type": "object",
        "description": "Why a request is refused (RFC 9457).",
        "properties": {
            "type": {"const": "about:blank"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "code": _TEXT,
        },
        "required": ["type", "title", "status", "detail", "code"],
    },
    "Health": {
        "type": "object",
        "properties": {"status": _TEXT, "reasons": {"type": "array", "items": _TEXT}},
        "required": ["status"],
    },
}


def of_json(schema: Json, description: str, media_type: str = "application/json") -> Json:
    """Return a response object with a body of this schema."""
    return {"description": description, "content": {media_type: {"schema": schema}}}


def to_bids() -> dict[str, Json]:
    """Return every answer to POST /bid by its status."""
    of_bids = (kind for kind in _kinds(Problem) if kind is not NotServed)
    kinds = sorted(of_bids, key=lambda kind: kind.status)
    by_status = groupby(kinds, key=lambda kind: kind.status)
    accepted = of_json(ref("Accepted"), "All in-sync replicas have acknowledged the record.")
    return {"202": accepted, **{str(int(s)): _problem_response([*those]) for s, those in by_status}}


def ref(name: str) -> Json:
    """Return a reference to one of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def _kinds(base: type[Problem]) -> Iterator[type[Problem]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _problem_response(kinds: list[type[Problem]]) -> Json:
    description = "\n".join(f"- `{kind.code}`: {_first_line(kind)}" for kind in kinds)
    schema = {"allOf": [ref("Problem"), {"anyOf": [_of_kind(kind) for kind in kinds]}]}
    found = of_json(schema, description, "application/problem+json")
    if any(issubclass(kind, Unavailable) for kind in kinds):
        seconds = {"description": "Seconds to wait before another try.", "schema": _INDEX}
        found["headers"] = {"Retry-After": seconds}
    return found


def _of_kind(kind: type[Problem]) -> Json:
    own = next((found for base, found in _MEMBERS.items() if issubclass(kind, base)), {})
    constants = {"code": {"const": kind.code}, "status": {"const": kind.status.value}}
    return {"properties": {**constants, **own}, "required": ["code", *own]}


def _first_line(kind: type[Problem]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
