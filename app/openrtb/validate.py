"""Whether a document is a bid request, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from marshmallow import Schema, ValidationError

from app.openrtb.explain import explain
from app.openrtb.fields import Array, Object
from app.openrtb.request import BidRequest
from app.openrtb.violation import Violation


def violations(document: Mapping[str, object]) -> list[Violation]:
    """Return what is wrong with `document` by OpenRTB 2.6, in its own order; nothing: it is valid.

    Never raises for what a JSON parser returns. The work is bounded: an array is not read on after
    its first PROBLEMS_PER_ARRAY problems, so that the list is complete up to that length and a
    lower bound beyond it. Safe to call from several threads.
    """
    schema = bid_request()
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
    schema = BidRequest()
    _make_nested(schema)
    return schema


def _make_nested(schema: Schema) -> None:
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, Array) else field
        if isinstance(inner, Object):
            _make_nested(inner.schema)
