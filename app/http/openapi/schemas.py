"""The schemas of bid requests as apispec sees them: their fields, bounds and relations."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields, validate

from app.http.openapi.relations import conditions
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Extension
from app.validation.bounds import bounds

_KEYWORDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {"min_length": "minLength", "max_length": "maxLength"}
_COUNTS = {"min_length": "minItems", "max_length": "maxItems"}
_NO_OBJECT = {"not": {"type": "object"}}


class OpenRtbConverter(OpenAPIConverter):
    """Adds to apispec's what the declarations of app.openrtb say in words of their own."""

    def field2property(self, field: fields.Field[Any]) -> dict[str, Any]:
        """Return the JSON Schema of a field's values."""
        found: dict[str, Any] = super().field2property(field)
        if isinstance(field, Extension):
            nested = self.resolve_nested_schema(field.schema)  # type: ignore[no-untyped-call]  # apispec's
            return {"anyOf": [nested, _NO_OBJECT]}
        limits = bounds(field, validate.Range, validate.OneOf, validate.Length)
        names = {**_KEYWORDS, **(_COUNTS if isinstance(field, Array) else _LENGTHS)}
        return {**found, **{names[name]: value for name, value in limits.items()}}

    def schema2jsonschema(self, schema: OpenRtbObject) -> dict[str, Any]:
        """Return the JSON Schema of an object: its members, and what must hold between them."""
        found: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]  # apispec's
        rules = [each for relation in schema.relations for each in conditions(relation)]
        described = {"description": _description(schema), **found}
        return {**described, "allOf": rules} if rules else described


class OpenRtbPlugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = OpenRtbConverter


def _description(schema: OpenRtbObject) -> str:
    first, _, _ = (type(schema).__doc__ or "").partition("\n\n")
    return " ".join(first.split())
