"""Rules between the members of an object as JSON Schema (2020-12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from app.schema.relations import AtLeastOne, AtMostOne, Excludes, RequiredWhen, Unique

JsonSchema = dict[str, Any]


def conditions(relation: object) -> Iterator[JsonSchema]:
    """Yield schemas that an object must satisfy, all of them, to keep the relation.

    That the keys of an array are unique has no equivalent, and yields nothing.
    """
    yield from _CONDITIONS[type(relation)](relation)


def _there(name: str) -> JsonSchema:
    """Return what is satisfied when the member is neither absent nor null nor an empty array."""
    return {"required": [name], "properties": {name: {"not": {"enum": [None, []]}}}}


def _not_both(one: str, other: str) -> JsonSchema:
    return {"not": {"allOf": [_there(one), _there(other)]}}


def _at_most_one(relation: AtMostOne) -> Iterator[JsonSchema]:
    yield from (_not_both(*pair) for pair in combinations(relation.names, 2))


def _excludes(relation: Excludes) -> Iterator[JsonSchema]:
    yield from (_not_both(relation.name, other) for other in relation.others)


def _at_least_one(relation: AtLeastOne) -> Iterator[JsonSchema]:
    yield {"anyOf": [_there(name) for name in relation.names]}


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
