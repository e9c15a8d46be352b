"""Whether a document is a bid request, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from marshmallow import Schema, ValidationError

from app.openrtb.request import BidRequest
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Object
from app.schema.violation import Violation
from app.validation.explain import explain


def violations(
    document: Mapping[str, object], schema: OpenRtbObject | None = None
) -> list[Violation]:
    """Return what is wrong with `document` by `schema`, in its own order; nothing: it is valid.

    `schema` is OpenRTB 2.6 unless another is given, which `made` has made.

    Never raises for what a JSON parser returns. The work is bounded: an array is not read on after
    its first PROBLEMS_PER_ARRAY problems, so that the list is complete up to that length and a
    lower bound beyond it. Safe to call from several threads.
    """
    schema = schema or bid_request()
    try:
        schema.load(document)
    except ValidationError as error:
        return explain(error.messages_dict, schema, document)
    return []


@cache
def bid_request() -> BidRequest:
    """Return the schema of the whole request, with the schemas in it all made.

    Called once before the first request, it takes the work of making them out of its time.
    """
    return made(BidRequest())


S = TypeVar("S", bound=Schema)


def made(schema: S) -> S:
    """Return `schema` with the schemas in it made, so that threads may share it."""
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, Array) else field
        if isinstance(inner, Object):
            made(inner.schema)
    return schema
