"""Every rule of the schemas, with an example that keeps it and one that breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from app.schema.base import OpenRtbObject
from app.schema.constraints import Constraint
from app.schema.fields import Array, Extension
from app.schema.violation import Violation
from docs.examples import Members, of_recommendation, of_relation, value_of, wrong_type_of
from docs.places import Place


@dataclass(frozen=True)
class Rule:
    """One rule on one object.

    `passes` and `fails` are members that, put into the object at `at` of a valid request, keep and
    break the rule; `path` is where the violation is then reported. A soft rule has no path.
    """

    place: Place
    path: str | None
    name: str
    message: str
    passes: Members
    fails: Members


def rules(place: Place) -> Iterator[Rule]:
    """Yield the rules of the object at `place`, in the order in which they are declared."""
    for name, field in place.schema.fields.items():
        yield from _of_field(place, name, field)
    for relation in place.schema.relations:
        for example in of_relation(relation, place.schema):
            ((steps, problem),) = relation.violations(example.fails)
            yield _rule(place, place.path_of(*steps), problem, example.passes, example.fails)
    for recommendation in place.schema.recommendations:
        example = of_recommendation(recommendation, place.schema)
        yield Rule(
            place, None, recommendation.rule, recommendation.message, example.passes, example.fails
        )


def _of_field(place: Place, name: str, field: fields.Field[Any]) -> Iterator[Rule]:
    good, path = value_of(field), place.path_of(name)
    messages: Any = field.error_messages
    if field.required:
        (problem,) = messages["required"]
        yield _rule(place, path, problem, {name: good}, {name: None})
    if not isinstance(field, Extension):
        (problem,) = messages["type"]
        yield _rule(place, path, problem, {name: good}, {name: wrong_type_of(field)})
    for constraint, value, bad in _of_constraints(field):
        yield _rule(place, path, constraint.violation, {name: value}, {name: bad})
    if isinstance(field, Array):
        messages = field.inner.error_messages
        problem, bad = messages["type"][0], wrong_type_of(field.inner)
        yield _rule(place, f"{path}[0]", problem, {name: good}, {name: [bad]})
        for constraint, value, bad in _of_constraints(field.inner):
            yield _rule(place, f"{path}[0]", constraint.violation, {name: [value]}, {name: [bad]})


def _of_constraints(field: fields.Field[Any]) -> Iterator[tuple[Constraint, Any, Any]]:
    for constraint in field.validators:
        if not isinstance(constraint, Constraint):
            raise TypeError(constraint)
        validator = constraint.validator
        if isinstance(validator, validate.OneOf):
            yield constraint, max(validator.choices), max(validator.choices) + 1
        elif isinstance(validator, validate.Length):
            yield constraint, value_of(field), type(value_of(field))()
        else:
            yield from _of_range(constraint, validator)


def _of_range(
    constraint: Constraint, validator: validate.Range
) -> Iterator[tuple[Constraint, Any, Any]]:
    if validator.min is not None:
        yield constraint, validator.min, validator.min - 1
    if validator.max is not None:
        yield constraint, validator.max, validator.max + 1


def _rule(place: Place, path: str, problem: Violation, passes: Members, fails: Members) -> Rule:
    return Rule(place, path, problem.rule, problem.message, passes, fails)


def all_rules(schema: OpenRtbObject) -> Iterator[Rule]:
    """Yield the rules of every object in `schema`, each object at the first place it can be."""
    for place in Place.all_of(schema):
        yield from rules(place)
