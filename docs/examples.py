"""Values that keep and that break a rule, made from the rule itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from marshmallow import fields

from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Integer, Number, Object, Text
from app.schema.recommendations import Recommendation, Recommended, Shape
from app.schema.relations import (
    AtLeastOne,
    AtMostOne,
    Excludes,
    Relation,
    RequiredWhen,
    Unique,
)

Members = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """Members of an object that keep a rule, and such that break it."""

    passes: Members
    fails: Members


def value_of(field: fields.Field[Any]) -> Any:  # noqa: ANN401  a value of the field's own type
    """Return a value that the field accepts."""
    if isinstance(field, Array):
        return [value_of(field.inner)]
    if isinstance(field, Object):
        return _object_of(field.schema)
    for kind, value in ((Text, "text"), (Integer, 1), (Number, 0.5)):
        if isinstance(field, kind):
            return value
    raise TypeError(field)


def wrong_type_of(field: fields.Field[Any]) -> Any:  # noqa: ANN401  a value of another type
    """Return a value of a type that the field refuses."""
    if isinstance(field, Text):
        return 1
    return {} if isinstance(field, Array) else "1"


def of_relation(relation: Relation, schema: OpenRtbObject) -> Iterator[Example]:
    """Yield examples of a relation: one, or one for each member that it excludes."""
    if isinstance(relation, AtMostOne):
        first, *others = relation.names
        for other in others:
            both = _members(schema, first, other)
            yield Example({**dict.fromkeys(relation.names), first: both[first]}, both)
    elif isinstance(relation, Excludes):
        for other in relation.others:
            both = _members(schema, relation.name, other)
            yield Example({other: both[other]}, both)
    elif isinstance(relation, AtLeastOne):
        yield _one_of(relation.names, schema)
    elif isinstance(relation, RequiredWhen):
        members = {**_members(schema, relation.name), relation.other: relation.value}
        yield Example(members, {**members, relation.name: None})
    elif isinstance(relation, Unique):
        (element,) = _members(schema, relation.array)[relation.array]
        second = {**element, relation.key: "other"}
        yield Example({relation.array: [element, second]}, {relation.array: [element, element]})
    else:
        raise TypeError(relation)


def of_recommendation(recommendation: Recommendation, schema: OpenRtbObject) -> Example:
    """Return an example of a soft rule."""
    if isinstance(recommendation, Recommended):
        return _one_of(recommendation.names, schema)
    if isinstance(recommendation, Shape):
        if isinstance(schema.fields[recommendation.name], Array):
            return Example(
                {recommendation.name: [recommendation.good]},
                {recommendation.name: [recommendation.bad]},
            )
        return Example(
            {recommendation.name: recommendation.good}, {recommendation.name: recommendation.bad}
        )
    return Example({"banner": {"w": 300, "h": 250}, "instl": 0}, {"banner": {}, "instl": 0})


def _one_of(names: tuple[str, ...], schema: OpenRtbObject) -> Example:
    none: Members = dict.fromkeys(names)
    return Example({**none, **_members(schema, names[0])}, none)


def _members(schema: OpenRtbObject, *names: str) -> Members:
    return {name: value_of(schema.fields[name]) for name in names}


def _object_of(schema: Any) -> Members:  # noqa: ANN401  marshmallow's schemas
    required = [name for name, field in schema.fields.items() if field.required]
    choices = [each.names[0] for each in schema.relations if isinstance(each, AtLeastOne)]
    return _members(schema, *required, *choices)
