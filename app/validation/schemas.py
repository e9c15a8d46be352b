"""The schema that BID_SCHEMA names."""

from __future__ import annotations

import importlib

from app.openrtb import bid_request
from app.schema.base import OpenRtbObject
from app.schema.constraints import NOT_EMPTY
from app.schema.fields import Text
from app.validation.supported import check_schema

OPENRTB_26 = "openrtb26"
MINIMAL = "minimal"


class MinimalRequest(OpenRtbObject):
    """A JSON object with an id that can be the key of its record."""

    id = Text(required=True, validate=NOT_EMPTY)


class NoSuchSchema(Exception):
    """BID_SCHEMA names nothing that is there and can be used; the message says why."""


def schema_named(name: str) -> OpenRtbObject:
    """Return the schema called `openrtb26`, `minimal` or `package.module:SchemaClass`.

    The latter is imported. Raises NoSuchSchema for what is not there, and for a schema that the
    compiler does not know or that lets requests without a non-empty string `id` pass.
    """
    if name == OPENRTB_26:
        return bid_request()
    if name == MINIMAL:
        return MinimalRequest()
    module, colon, cls = name.partition(":")
    if not (module and colon and cls):
        raise NoSuchSchema(f"is neither {OPENRTB_26}, {MINIMAL} nor package.module:SchemaClass")
    try:
        schema = check_schema(getattr(importlib.import_module(module), cls)())
    except Exception as error:  # the module is the operator's, and may do anything
        raise NoSuchSchema(f"{type(error).__name__}: {error}") from error
    _check_id(schema)
    return schema


def _check_id(schema: OpenRtbObject) -> None:
    field = schema.fields.get("id")
    if not isinstance(field, Text) or not field.required or NOT_EMPTY not in field.validators:
        raise NoSuchSchema("must declare id = Text(required=True, validate=NOT_EMPTY)")
