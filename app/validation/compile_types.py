"""A schema as msgspec types: the type of each value and its bounds, checked in C."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Annotated, Any, cast

import msgspec
from marshmallow import fields, validate
from msgspec import Meta, Struct

from app.schema.base import OpenRtbObject
from app.schema.constraints import Constraint
from app.schema.fields import Array, Extension, Flag, Integer, Natural, Number, Object, Price, Text
from app.validation.supported import NotCompilable, check_schema

Type = Any  # what msgspec.convert takes as a type: classes, unions and Annotated alike
Bounds = dict[str, Any]  # by the names of msgspec.Meta


class Types:
    """The types of a schema and of all schemas in it, each made once."""

    def __init__(self) -> None:
        self._made: dict[type[OpenRtbObject], type[Struct]] = {}
        self._being_made: set[type[OpenRtbObject]] = set()
        self._of_kind: dict[type, Callable[[Any], Type]] = {
            Text: lambda field: _annotate(str, bounds(field, validate.Length)),
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
        return _annotate(list[element], bounds(field, validate.Length))


def _annotate(kind: Type, found: Bounds) -> Type:
    return Annotated[kind, Meta(**found)] if found else kind


def _integer(field: fields.Field[Any]) -> Type:
    found = bounds(field, validate.Range, validate.OneOf)
    whole = Meta(multiple_of=1.0, **of_floats(found))  # 1.0 is an integer, 1.5 is none
    return _annotate(int, of_integers(found)) | Annotated[float, whole]


def _number(field: fields.Field[Any]) -> Type:
    found = bounds(field, validate.Range)
    return _annotate(int, of_integers(found)) | Annotated[float, Meta(**of_floats(found))]


def bounds(field: fields.Field[Any], *allowed: type) -> Bounds:
    """Return the bounds on a field's values by the names of msgspec.Meta.

    Only validators of the `allowed` classes make sense for the field. Raises NotCompilable for
    others, and for two that say different things about the same bound.
    """
    found: Bounds = {}
    for constraint in cast("list[Constraint]", field.validators):
        if not isinstance(constraint.validator, allowed):
            raise NotCompilable(f"{field.name}: {constraint.validator!r} does not fit its type")
        for name, value in _meta(constraint.validator, str(field.name)).items():
            if found.setdefault(name, value) != value:
                raise NotCompilable(f"{field.name}: two constraints on the same bound")
    return found


def _meta(validator: validate.Range | validate.OneOf | validate.Length, where: str) -> Bounds:
    if isinstance(validator, validate.OneOf):
        return _interval(sorted(validator.choices), where)
    low, high = validator.min, validator.max
    if isinstance(validator, validate.Length):
        if validator.equal is not None:
            low = high = validator.equal
        found = {"min_length": low, "max_length": high}
    else:
        found = {
            "ge" if validator.min_inclusive else "gt": low,
            "le" if validator.max_inclusive else "lt": high,
        }
    return {name: value for name, value in found.items() if value is not None}


def _interval(choices: list[Any], where: str) -> Bounds:
    integers = {type(each) for each in choices} == {int}
    if not integers or choices != [*range(choices[0], choices[-1] + 1)]:
        raise NotCompilable(f"{where}: {choices!r} are not neighbouring integers")
    return {"ge": choices[0], "le": choices[-1]}


def of_integers(found: Bounds) -> Bounds:
    """Return what the bounds mean for integers, which are compared with integers alone."""
    inwards = {"ge": math.ceil, "gt": math.floor, "le": math.floor, "lt": math.ceil}
    return {name: inwards[name](value) for name, value in found.items()}


def of_floats(found: Bounds) -> Bounds:
    """Return the bounds with infinity and NaN, which JSON does not have, outside of them."""
    low = {} if {"ge", "gt"} & set(found) else {"ge": -sys.float_info.max}
    high = {} if {"le", "lt"} & set(found) else {"le": sys.float_info.max}
    return {**low, **high, **{name: float(value) for name, value in found.items()}}
