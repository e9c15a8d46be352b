"""A schema as msgspec types: the type of each value and its bounds, checked in C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from marshmallow import fields, validate
from msgspec import Meta, Struct

from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Extension, Flag, Integer, Natural, Number, Object, Price, Text
from app.validation.bounds import Bounds, bounds, of_floats, of_integers
from app.validation.supported import NotCompilable, check_schema

Type = Any  # what msgspec.convert takes as a type: classes, unions and Annotated alike


class Types:
    """The types of a schema and of all schemas in it, each made once."""

    def __init__(self) -> None:
        """Know none."""
        self._made: dict[type[OpenRtbObject], type[Struct]] = {}
        self._being_made: set[type[OpenRtbObject]] = set()
        self._of_kind: dict[type, Callable[[Any], Type]] = {
            Text: lambda field: _annotated(str, bounds(field, validate.Length)),
            **dict.fromkeys((Integer, Flag, Natural), _integer),
            **dict.fromkeys((Number, Price), _number),
            Array: self._array,
            Object: lambda field: self.of_object(field.schema),
            Extension: lambda field: self.of_object(field.schema) | str | int | float | bool | list,
        }

    def of_object(self, schema: object) -> type[Struct]:
        """Return the type of the objects of `schema`; raise NotCompilable for what is unknown."""
        known = check_schema(schema)
        kind = type(known)
        if kind in self._being_made:
            raise NotCompilable(f"{kind.__name__} contains itself")
        if kind not in self._made:
            self._being_made.add(kind)
            self._made[kind] = self._struct(known)
            self._being_made.remove(kind)
        return self._made[kind]

    def of_field(self, field: fields.Field[Any]) -> Type:
        """Return the type of a field's values, null not among them."""
        return self._of_kind[type(field)](field)

    def _struct(self, schema: OpenRtbObject) -> type[Struct]:
        members = [
            (name, self.of_field(field))
            if field.required
            else (name, self.of_field(field) | None, None)
            for name, field in schema.fields.items()
        ]
        name = type(schema).__name__
        try:
            # never part of a cycle: nothing refers back to it
            made = msgspec.defstruct(name, members, kw_only=True, gc=False)
            msgspec.json.Decoder(made)  # looks at the constraints
        except (TypeError, ValueError) as error:
            raise NotCompilable(f"{name}: {error}") from error
        return made

    def _array(self, field: Array) -> Type:
        element: Any = self.of_field(field.inner)
        return _annotated(list[element], bounds(field, validate.Length))


def _annotated(kind: Type, found: Bounds) -> Type:
    return Annotated[kind, Meta(**found)] if found else kind


def _integer(field: fields.Field[Any]) -> Type:
    found = bounds(field, validate.Range, validate.OneOf)
    whole = Meta(multiple_of=1.0, **of_floats(found))  # 1.0 is an integer, 1.5 is none
    return _annotated(int, of_integers(found)) | Annotated[float, whole]


def _number(field: fields.Field[Any]) -> Type:
    found = bounds(field, validate.Range)
    return _annotated(int, of_integers(found)) | Annotated[float, Meta(**of_floats(found))]
