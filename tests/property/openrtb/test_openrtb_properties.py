"""What holds of every document: the compiled check and marshmallow say the same of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st

from app.openrtb import bid_request
from app.validation.compile_rules import Rejected
from app.validation.compiled_check import Compiled
from app.validation.explain import violations
from app.validation.validator import Validator
from tests.property.openrtb.documents import (
    ANY_JSON,
    FAMILIAR_JSON,
    OBJECTS,
    REQUESTS,
    UNKNOWN_NAMES,
    Members,
    familiar_json,
    near_misses,
)

pytestmark = pytest.mark.promise("valid")

EXAMPLES = {"ci": 20_000, "thorough": 200_000}.get(settings.get_current_profile_name(), 1_000)
PARTS = 4  # as many run side by side
DOCUMENTS = st.one_of(near_misses(), near_misses(), near_misses(), REQUESTS, OBJECTS)
ANY_OBJECTS = (FAMILIAR_JSON | ANY_JSON).filter(lambda value: isinstance(value, dict))
SECRET = "4f0c-of-a-person"

generated = settings(deadline=None, suppress_health_check=list(HealthCheck))


@cache
def _compiled() -> Compiled:
    return Compiled(bid_request())


@cache
def _validator() -> Validator:
    return Validator(bid_request())


def _accepted(document: Members) -> bool:
    try:
        _compiled().check(document)
    except Rejected:
        return False
    return True


def _agree(document: Members) -> None:
    by_marshmallow = violations(document)
    event("valid" if not by_marshmallow else "invalid")
    assert _accepted(document) == (by_marshmallow == [])
    result = _validator().validate(document)
    assert (list(result.violations), result.compiled_mismatch) == (by_marshmallow, None)


@pytest.mark.parametrize("part", range(PARTS))
def test_both_checks_agree(part: int) -> None:
    """One accepts what the other accepts, and what is explained in parts is explained alike."""
    bounds = settings(
        max_examples=EXAMPLES // PARTS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    agree = bounds(given(DOCUMENTS)(_agree))
    # what is the same in each run is still to differ in each part
    (seed(part)(agree) if bounds.derandomize else agree)()


@generated
@given(REQUESTS)
def test_valid_requests(request: Members) -> None:
    """A request that keeps every rule of the schemas is accepted."""
    assert violations(request) == []


def _objects(value: object) -> Iterator[Members]:
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _objects(each)


@generated
@given(REQUESTS | ANY_OBJECTS, st.data())
def test_unknown_members(document: Members, data: st.DataObject) -> None:
    """Members that the spec does not have, anywhere, never change the result."""
    extended = copy.deepcopy(document)
    for members in list(_objects(extended)):
        members.update(data.draw(st.dictionaries(UNKNOWN_NAMES, ANY_JSON, max_size=2)))
    assert violations(extended) == violations(document)


@generated
@given(ANY_OBJECTS)
def test_any_document(document: Members) -> None:
    """Any JSON object is accepted or explained; none raises or is altered."""
    before = repr(document)
    for found in violations(document):
        assert found.rule
        assert found.message
    assert repr(document) == before


@generated
@given(familiar_json(st.just(SECRET)))
def test_values_are_not_repeated(value: object) -> None:
    """No value of the request turns up in what is said about it."""
    request: Members = {"id": [SECRET], "imp": value, "device": value, "user": value}
    assert SECRET not in str(violations(request))
