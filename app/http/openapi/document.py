"""The OpenAPI document, written once when the process starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apispec import APISpec

from app.http.openapi import responses
from app.http.openapi.responses import Json, of_json, ref
from app.http.openapi.schemas import OpenRtbPlugin
from app.problems import InvalidBidRequest
from app.schema.base import OpenRtbObject
from app.validation.validator import Validation

SAMPLES = Path(__file__).parents[3] / "samples"

_ABOUT = """Takes OpenRTB bid requests and puts them durably on Kafka.

**2xx if and only if all in-sync replicas acknowledged the record.** Anything else is an explicit
answer within the deadline, and says what to change or whether the record may still turn up.

This document stands on the admin port, for those who run the service, and bids can be tried out
there. Clients send theirs to the public port (`INGEST_PORT`), which has `/bid`, `/healthz` and
`/readyz` alone, the probes without `reasons`.
"""
_HERE = {"url": "/", "description": "Where this document comes from: the admin port."}
_BID = """The bytes of the body stand on the topic as they were sent, keyed by `id`. The body may
come as gzip (`Content-Encoding: gzip`), and is then inflated. Members that the schema does not name
are accepted and kept. Where an object's ids must be unique, JSON Schema cannot say so: the answer
is 400 with the rule `unique`.
"""


def openapi_json(
    schema: OpenRtbObject, validate: Validation, samples: Path = SAMPLES, version: str = "0.1.0"
) -> bytes:
    """Return the document for bid requests of `schema`.

    Its examples are the files in `samples` that `validate` accepts.
    """
    spec = APISpec(
        "Bid request handler",
        version,
        "3.1.0",
        plugins=[OpenRtbPlugin()],
        info={"description": _ABOUT, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        servers=[_HERE],
    )
    for name, each in responses.SCHEMAS.items():
        spec.components.schema(name, each)
    spec.components.schema("BidRequest", schema=schema)
    spec.path("/bid", operations={"post": _bid(_examples(samples, validate))})
    for path, operation in _probes().items():
        spec.path(path, operations={"get": {"tags": ["Operation"], **operation}})
    return json.dumps(spec.to_dict()).encode()


def _bid(examples: Mapping[str, Json]) -> Json:
    content = {"schema": ref("BidRequest"), "examples": examples}
    return {
        "operationId": "bid",
        "tags": ["Bid requests"],
        "summary": "Put a bid request on the topic",
        "description": _BID,
        "parameters": [
            _header("traceparent", "W3C trace context, handed on; made where it is missing."),
            _header("x-openrtb-version", "Handed on as a header of the record."),
        ],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": responses.to_bids(),
    }


def _header(name: str, description: str) -> Json:
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string"}}


def _examples(samples: Path, validate: Validation) -> dict[str, Json]:
    found = {path.stem: json.loads(path.read_bytes()) for path in sorted(samples.glob("*.json"))}
    return {
        name: {"value": value} for name, value in found.items() if _is_accepted(value, validate)
    }


def _is_accepted(value: Mapping[str, Any], validate: Validation) -> bool:
    try:
        return not validate(value).violations
    except InvalidBidRequest:
        return False


def _probes() -> dict[str, Json]:
    health = ref("Health")
    text = of_json({"type": "string"}, "Prometheus text, the sum over all workers.", "text/plain")
    return {
        "/healthz": {
            "summary": "Whether the workers serve, whatever Kafka does",
            "responses": {"200": of_json(health, "Alive."), "503": of_json(health, "Stuck.")},
        },
        "/readyz": {
            "summary": "Whether bid requests can be taken just now",
            "responses": {"200": of_json(health, "Ready."), "503": of_json(health, "Not ready.")},
        },
        "/metrics": {"summary": "How much of what", "responses": {"200": text}},
        "/openapi.json": {
            "summary": "This document",
            "responses": {"200": of_json({"type": "object"}, "OpenAPI 3.1.")},
        },
    }
