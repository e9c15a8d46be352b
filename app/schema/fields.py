"""JSON's own types as marshmallow fields: nothing is converted, nothing is guessed.

An optional field may be null, which counts as absent; a required one that is null is missing. An
element of an array is never null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from app.schema.constraints import NOT_NEGATIVE, ZERO_OR_ONE, Constraint
from app.schema.violation import Violation

# An array with this many problems is not read on: a hostile request costs a bounded amount of
# work to explain, and nobody reads more.
VIOLATIONS_PER_ARRAY = 20

MISSING = Violation("required", "is required")
NOT_AN_OBJECT = Violation("type", "must be an object")


def _options(expected: str, *, required: bool, validate: Constraint | None) -> dict[str, Any]:
    wrong_type = [Violation("type", f"must be {expected}")]
    return {
        "required": required,
        "allow_none": not required,
        "validate": validate,
        "error_messages": {
            "required": [MISSING],
            "null": [MISSING],
            "invalid": wrong_type,
            "type": wrong_type,
        },
    }


class Text(fields.String):
    """A string."""

    def __init__(self, *, required: bool = False, validate: Constraint | None = None) -> None:
        super().__init__(**_options("a string", required=required, validate=validate))


class Integer(fields.Integer):
    """A number without a fraction: 1 and 1.0 are, "1" and true are not."""

    def __init__(self, *, required: bool = False, validate: Constraint | None = None) -> None:
        super().__init__(**_options("an integer", required=required, validate=validate))

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_kwargs: object
    ) -> int:
        del attr, data
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise self.make_error("type")


class Number(fields.Float):
    """A finite number, with a fraction or without: "1" and true are none."""

    def __init__(self, *, required: bool = False, validate: Constraint | None = None) -> None:
        super().__init__(**_options("a number", required=required, validate=validate))

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_kwargs: object
    ) -> float:
        del attr, data
        # An int stays one: float() overflows past 1.8e308.
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        raise self.make_error("type")


class Flag(Integer):
    """0 for no, 1 for yes."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(required=required, validate=ZERO_OR_ONE)


class Natural(Integer):
    """A size, a duration or a count: an integer that is not negative."""

    def __init__(self) -> None:
        super().__init__(validate=NOT_NEGATIVE)


class Price(Number):
    """An amount in some currency that is not negative."""

    def __init__(self) -> None:
        super().__init__(validate=NOT_NEGATIVE)


class Object(fields.Nested):
    """An object with a schema of its own."""

    def __init__(self, nested: type[Schema], *, required: bool = False) -> None:
        """Take the schema as a class; each field makes its own instance of it."""
        super().__init__(nested, **_options("an object", required=required, validate=None))


class Extension(Object):
    """An `ext` that has a known member; as `ext` may be anything, what is no object passes."""

    def _deserialize(self, value: object, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401  passed on
        if not isinstance(value, Mapping):
            return value
        return super()._deserialize(value, *args, **kwargs)


class Array(fields.List[Any]):
    """A list of elements of one kind, read up to the first VIOLATIONS_PER_ARRAY problems.

    `suspects` picks the elements to look at, with their indices: all of them, unless something
    faster than marshmallow has found the others in order.
    """

    suspects: Callable[[list[Any]], Iterable[tuple[int, Any]]] = staticmethod(enumerate)

    def __init__(
        self,
        element: fields.Field[Any],
        *,
        required: bool = False,
        validate: Constraint | None = None,
    ) -> None:
        super().__init__(element, **_options("an array", required=required, validate=validate))
        element.allow_none = False
        messages = element.error_messages
        messages["null"] = messages.get("type", messages["null"])

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_kwargs: object
    ) -> list[Any]:
        del attr, data
        if not isinstance(value, list):
            raise self.make_error("type")
        problems: dict[int, Any] = {}
        found = 0
        for index, each in self.suspects(value):
            try:
                self.inner.deserialize(each)
            except ValidationError as error:
                problems[index] = error.messages
                found += _count(error.messages)
                if found >= VIOLATIONS_PER_ARRAY:
                    break
        if problems:
            raise ValidationError(problems)
        return value


def _count(messages: object) -> int:
    if isinstance(messages, dict):
        return sum(_count(each) for each in messages.values())
    return len(messages) if isinstance(messages, list) else 1
