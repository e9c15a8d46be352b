"""The schemas of bid requests as apispec sees them: their fields, bounds and relations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields, validate

from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Extension
from app.schema.relations import AtLeastOne, AtMostOne, Excludes, RequiredWhen, Unique
from app.validation.compile_types import bounds

JsonSchema = dict[str, Any]

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


def conditions(relation: object) -> Iterator[JsonSchema]:
    """Yield schemas that an object must satisfy, all of them, to keep the relation.

    That the keys of an array are unique has no equivalent, and yields nothing.
    """
    yield from _CONDITIONS[type(relation)](relation)


def _present(name: str) -> JsonSchema:
    """Return what is satisfied when the member is neither absent nor null nor an empty array."""
    return {"required": [name], "properties": {name: {"not": {"enum": [None, []]}}}}


def _not_both(one: str, other: str) -> JsonSchema:
    return {"not": {"allOf": [_present(one), _present(other)]}}


def _at_most_one(relation: AtMostOne) -> Iterator[JsonSchema]:
    yield from (_not_both(*pair) for pair in combinations(relation.names, 2))


def _excludes(relation: Excludes) -> Iterator[JsonSchema]:
    yield from (_not_both(relation.name, other) for other in relation.others)


def _at_least_one(relation: AtLeastOne) -> Iterator[JsonSchema]:
    yield {"anyOf": [_present(name) for name in relation.names]}


def _required_when(relation: RequiredWhen) -> Iterator[JsonSchema]:
    holds = {
        "required": [relation.other],
        "properties": {relation.other: {"const": relation.value}},
    }
    is_given = {
        "required": [relation.name],
        "properties": {relation.name: {"not": {"const": None}}},
    }
    yield {"if": holds, "then": is_given}


def _unique(_relation: Unique) -> Iterator[JsonSchema]:
    return iter(())


_CONDITIONS: dict[type, Callable[[Any], Iterator[JsonSchema]]] = {
    AtMostOne: _at_most_one,
    Excludes: _excludes,
    AtLeastOne: _at_least_one,
    RequiredWhen: _required_when,
    Unique: _unique,
}
