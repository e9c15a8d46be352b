"""What holds of every document, valid requests generated from the schemas among them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.openrtb import bid_request
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Integer, Number, Object, Text
from app.validation.explain import violations
from tests.property.openrtb.documents import (
    ANY_JSON,
    FAMILIAR_JSON,
    REQUESTS,
    UNKNOWN_NAMES,
    Members,
    familiar_json,
)

SECRET = "4f0c-of-a-person"
OBJECTS = (FAMILIAR_JSON | ANY_JSON).filter(lambda value: isinstance(value, dict))

generated = settings(deadline=None, suppress_health_check=list(HealthCheck))


def _objects(value: object) -> Iterator[Members]:
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _objects(each)


def _scalars(members: Members, schema: OpenRtbObject, path: str) -> Iterator[tuple[Members, str]]:
    for name, value in members.items():
        yield from _scalars_in(members, name, value, schema.fields.get(name), f"{path}{name}")


def _scalars_in(
    members: Members,
    name: str,
    value: Any,  # noqa: ANN401  whatever was generated
    field: object,
    path: str,
) -> Iterator[tuple[Members, str]]:
    if isinstance(field, Text | Integer | Number):
        yield members, path
    elif isinstance(field, Object) and isinstance(value, dict):
        assert isinstance(field.schema, OpenRtbObject)
        yield from _scalars(value, field.schema, f"{path}.")
    elif isinstance(field, Array) and isinstance(value, list):
        for index, element in enumerate(value):
            if isinstance(element, dict):
                yield from _scalars_in({}, name, element, field.inner, f"{path}[{index}]")


@generated
@given(REQUESTS)
def test_valid_requests(request: Members) -> None:
    """A request that keeps every rule of the schemas is accepted."""
    assert violations(request) == []


@generated
@given(REQUESTS, st.data())
def test_one_wrong_type(request: Members, data: st.DataObject) -> None:
    """A valid request in which one value is of a wrong type is refused, and for that value."""
    members, path = data.draw(st.sampled_from(list(_scalars(request, bid_request(), ""))))
    members[path.rpartition(".")[2]] = data.draw(st.sampled_from([True, {}, [0]]))
    assert (path, "type") in [(found.path, found.rule) for found in violations(request)]


@generated
@given(REQUESTS | OBJECTS, st.data())
def test_unknown_members(document: Members, data: st.DataObject) -> None:
    """Members that the spec does not have, anywhere, never change the verdict."""
    extended = copy.deepcopy(document)
    for members in list(_objects(extended)):
        members.update(data.draw(st.dictionaries(UNKNOWN_NAMES, ANY_JSON, max_size=2)))
    assert violations(extended) == violations(document)


@generated
@given(OBJECTS)
def test_any_document(document: Members) -> None:
    """Any JSON object is accepted or explained; none raises or is altered."""
    before = repr(document)
    for found in violations(document):
        assert found.rule
        assert found.message
    assert repr(document) == before


@generated
@given(REQUESTS, st.sampled_from(sorted(bid_request().fields)), FAMILIAR_JSON)
def test_any_member(request: Members, name: str, value: object) -> None:
    """A valid request with any JSON as one of its members is accepted or explained."""
    for found in violations({**request, name: value}):
        assert found.message


@generated
@given(familiar_json(st.just(SECRET)))
def test_values_are_not_repeated(value: object) -> None:
    """No value of the request turns up in what is said about it."""
    request: Members = {"id": [SECRET], "imp": value, "device": value, "user": value}
    assert SECRET not in str(violations(request))
