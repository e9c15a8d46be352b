"""The limits of a schema: what the compiler would not see is refused when the process starts."""

from __future__ import annotations

import keyword
from typing import Any

from marshmallow import EXCLUDE, fields, missing, validate

from app.schema.base import OpenRtbObject
from app.schema.constraints import Constraint
from app.schema.fields import (
    Array,
    Extension,
    Flag,
    Integer,
    Natural,
    Number,
    Object,
    Price,
    Text,
)

_KINDS = frozenset({Text, Integer, Flag, Natural, Number, Price, Array, Object, Extension})
_VALIDATORS = frozenset({validate.Range, validate.OneOf, validate.Length})
_FIELD_DEFAULTS: dict[str, object] = {
    "data_key": None,
    "attribute": None,
    "load_default": missing,
    "dump_only": False,
    "load_only": False,
    "pre_load": [],
    "post_load": [],
}
_SCHEMA_DEFAULTS: dict[str, object] = {
    "many": False,
    "partial": None,
    "only": None,
    "exclude": set(),
    "unknown": EXCLUDE,
}
# What a class that only declares has in its namespace: ours, marshmallow's and Python's.
_DECLARATIONS = frozenset(
    {
        *("section", "relations", "recommendations"),
        *("opts", "_declared_fields", "_hooks", "_abc_impl", "__abstractmethods__"),
        *("__module__", "__qualname__", "__doc__", "__annotations__"),
        *("__firstlineno__", "__static_attributes__", "__annotate_func__", "__annotations_cache__"),
    }
)


class NotCompilable(Exception):
    """A schema uses something that the compiler does not know; the message says what and where."""


def check_schema(schema: object) -> OpenRtbObject:
    """Return `schema` if it is one of declarations alone; raise NotCompilable otherwise.

    The schemas of its members are not looked at.
    """
    name = type(schema).__name__
    if not isinstance(schema, OpenRtbObject):
        raise NotCompilable(f"{name} must be an OpenRtbObject")
    for cls in type(schema).__mro__[: type(schema).__mro__.index(OpenRtbObject)]:
        extra = sorted(set(vars(cls)) - _DECLARATIONS)
        if extra:
            raise NotCompilable(f"{cls.__name__}.{extra[0]} is not a declaration")
    _check_defaults(schema, _SCHEMA_DEFAULTS, name)
    for field_name, field in schema.fields.items():
        where = f"{name}.{field_name}"
        if keyword.iskeyword(field_name) or not field_name.isidentifier():
            raise NotCompilable(f"{where}: not a name that Python allows")
        _check_field(field, where)
        if field.allow_none is field.required:
            raise NotCompilable(f"{where}: null must be allowed where it is not required")
    return schema


def _check_field(field: fields.Field[Any], where: str) -> None:
    if type(field) not in _KINDS:
        known = ", ".join(sorted(kind.__name__ for kind in _KINDS))
        raise NotCompilable(f"{where}: {type(field).__name__} is none of {known}")
    _check_defaults(field, _FIELD_DEFAULTS, where)
    for constraint in field.validators:
        plain = isinstance(constraint, Constraint) and type(constraint.validator) in _VALIDATORS
        if not plain:
            raise NotCompilable(f"{where}: {constraint!r} is not a Constraint on a plain validator")
    if isinstance(field, Array):
        if isinstance(field.inner, Array | Extension):
            raise NotCompilable(f"{where}: arrays of arrays or extensions are not known")
        if field.inner.allow_none or field.inner.required:
            raise NotCompilable(f"{where}: an element is neither required nor null")
        _check_field(field.inner, f"{where}[]")


def _check_defaults(declared: object, defaults: dict[str, object], where: str) -> None:
    for option, default in defaults.items():
        found = getattr(declared, option)
        # marshmallow's sets cannot be compared with None
        if found is not default and (default is None or found != default):
            raise NotCompilable(f"{where}: {option} is not known to the compiler")
