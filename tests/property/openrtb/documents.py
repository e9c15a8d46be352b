"""Documents to validate, generated from the schemas, and those that are valid but for a thing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st
from marshmallow import Schema, fields, validate

from app.openrtb import bid_request
from app.schema.base import OpenRtbObject
from app.schema.constraints import Constraint
from app.schema.fields import Array, Integer, Object, Text
from app.schema.relations import AtLeastOne, AtMostOne, Excludes, Relation, RequiredWhen, Unique

Members = dict[str, Any]

READABLE_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
)
# half of a surrogate pair is nothing that the reader of bodies lets through
SCALARS = READABLE_SCALARS | st.just("\ud800")


def _schemas(schema: Schema) -> Iterator[Schema]:
    yield schema
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, Array) else field
        if isinstance(inner, Object):
            yield from _schemas(inner.schema)


NAMES = sorted({name for schema in _schemas(bid_request()) for name in schema.fields})
UNKNOWN_NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name not in NAMES)


def _json(scalars: st.SearchStrategy[Any], names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
        max_leaves=30,
    )


def familiar_json(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """JSON of the spec's own names in any arrangement, with scalars of the caller's choice."""
    return _json(scalars, st.sampled_from(NAMES))


ANY_JSON = _json(SCALARS, st.text(max_size=8) | st.sampled_from(NAMES))
FAMILIAR_JSON = familiar_json(SCALARS)


def _constrained(field: fields.Field[Any]) -> dict[str, Any]:
    """Return the bounds or choices of a field, read off its validators."""
    found: dict[str, Any] = {}
    for constraint in field.validators:
        assert isinstance(constraint, Constraint)
        validator = constraint.validator
        if isinstance(validator, validate.Length):
            found["min_size"] = validator.min
        elif isinstance(validator, validate.OneOf):
            found["choices"] = validator.choices
        else:
            found |= {"min_value": validator.min, "max_value": validator.max}
    return found


def _numbers(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    bounds = _constrained(field)
    if "choices" in bounds:
        return st.sampled_from(bounds["choices"])
    integers = st.integers(**bounds)
    if isinstance(field, Integer):
        return integers | integers.filter(lambda value: abs(value) < 2**53).map(float)
    return integers | st.floats(**bounds, allow_nan=False, allow_infinity=False)


@cache
def _values(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    if isinstance(field, Text):
        return st.text(max_size=6, **_constrained(field))
    if isinstance(field, Array):
        return st.lists(_values(field.inner), max_size=3, **_constrained(field))
    if isinstance(field, Object):
        return _valid(field.schema)
    return _numbers(field)


def _valid(schema: Schema) -> st.SearchStrategy[Members]:
    """Return objects that keep all rules of the schema, some optional members null or absent."""
    assert isinstance(schema, OpenRtbObject)
    required = {name: _values(each) for name, each in schema.fields.items() if each.required}
    optional = {
        name: st.none() | _values(each) for name, each in schema.fields.items() if not each.required
    }
    some = st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True)
    names = some if optional else st.just([])

    @st.composite
    def objects(draw: st.DrawFn) -> Members:
        chosen = draw(names)
        members = {name: draw(optional[name]) for name in chosen}
        members |= {name: draw(values) for name, values in required.items()}
        for relation in schema.relations:
            SETTLE[type(relation)](relation, members)
        return members

    return objects()


def _keep_first(relation: AtMostOne, members: Members) -> None:
    for name in [name for name in relation.names if members.get(name) is not None][1:]:
        del members[name]


def _drop_others(relation: Excludes, members: Members) -> None:
    if members.get(relation.name) is not None:
        for other in relation.others:
            members.pop(other, None)


def _add_banner(relation: AtLeastOne, members: Members) -> None:
    if all(members.get(name) is None for name in relation.names):
        members[relation.names[0]] = {}


def _add_vendor(relation: RequiredWhen, members: Members) -> None:
    if members.get(relation.other) == relation.value and members.get(relation.name) is None:
        members[relation.name] = "vendor.example"


def _number_ids(relation: Unique, members: Members) -> None:
    for index, element in enumerate(members[relation.array]):
        element[relation.key] = str(index)


SETTLE: dict[type[Relation], Callable[[Any, Members], None]] = {
    AtMostOne: _keep_first,
    Excludes: _drop_others,
    AtLeastOne: _add_banner,
    RequiredWhen: _add_vendor,
    Unique: _number_ids,
}
REQUESTS = _valid(bid_request())


_TRAPS: list[Any] = [
    *(None, True, False, 0, 1, 2, -1, 90, 91, -181, 2**53 + 1, -(2**63) - 1, 10**400, -(10**400)),
    *(-0.0, 1.0, 1.5, 2.0**53, 1e308, 5e-324, float("nan"), float("inf"), -float("inf")),
    *("", "1", "id", "NLD", "0", "\0", "é\u202e😀", "x" * 1000),
    *([], [None], [1], ["1"], [[]], [{}], [True], [1.5], {}, {"id": "1"}, {"schain": 1}),
]


READABLE_JSON = familiar_json(READABLE_SCALARS)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), READABLE_JSON, max_size=4)


def _deep(levels: int) -> Any:  # noqa: ANN401  lists of lists
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


VALUES = (
    st.sampled_from(_TRAPS).map(copy.deepcopy)
    | READABLE_SCALARS
    | st.integers(1, 60).map(_deep)
    | READABLE_JSON
)


def _containers(value: object) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _containers(each)


def _put(draw: st.DrawFn, container: Any) -> None:  # noqa: ANN401  a dict or a list
    if isinstance(container, dict):
        names = st.sampled_from(NAMES)
        if container:
            names |= st.sampled_from(list(container))
        container[draw(names)] = draw(VALUES)
    else:
        container.insert(draw(st.integers(0, len(container))), draw(VALUES))


def _take(draw: st.DrawFn, container: Any) -> None:  # noqa: ANN401  a dict or a list
    if container:
        places = list(container) if isinstance(container, dict) else range(len(container))
        del container[draw(st.sampled_from(places))]


def _repeat(draw: st.DrawFn, container: Any) -> None:  # noqa: ANN401  a dict or a list
    if isinstance(container, list) and container:
        each = draw(st.sampled_from(container))
        container += [copy.deepcopy(each) for _ in range(draw(st.sampled_from([1, 30, 70])))]


@st.composite
def near_misses(draw: st.DrawFn) -> Members:
    """Draw a valid request, then put, take or repeat something in one of its containers."""
    request = draw(REQUESTS)
    change = draw(st.sampled_from([_put, _put, _put, _take, _repeat]))
    change(draw, draw(st.sampled_from(list(_containers(request)))))
    return request
