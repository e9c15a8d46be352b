"""marshmallow's validators as the constraints that msgspec checks in C."""

from __future__ import annotations

import math
import sys
from typing import Any, cast

from marshmallow import fields, validate

from app.schema.constraints import Constraint
from app.validation.supported import NotCompilable

Bounds = dict[str, Any]


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
