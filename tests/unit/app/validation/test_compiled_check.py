"""The compiled check, kind of field by kind of field and rule by rule."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import fields, validate

from app.openrtb import bid_request
from app.schema.base import OpenRtbObject, build_nested
from app.schema.constraints import NOT_EMPTY, Constraint
from app.schema.fields import Array, Extension, Flag, Integer, Number, Object, Price, Text
from app.schema.relations import AtMostOne, Excludes
from app.schema.violation import Violation
from app.validation.compile_rules import Rejected
from app.validation.compiled_check import Compiled
from app.validation.explain import violations

pytestmark = pytest.mark.promise("valid")

WRONG = Violation("wrong", "is wrong")
BIG = 10**400
VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2, 3, -1, 4, 5, 2**63, -(2**63) - 1, BIG, -BIG, 10, 11),
    *(-0.0, 0.5, 1.0, 2.5, 2.0**53, 1e300, -1e300, 1.5, 9.99, 10.0, 10.01),
    *("", "a", "ab", "abc", "é", "1", [], [1], ["a"], ["a", "b"], ["a", "b", "c"], {}, {"id": "1"}),
    *([None], [{}], [{"id": 1}], {"id": None}, {"id": 1}, {"x": 1}, {"id": "1", "x": [1]}),
]


def ranged(**bounds: Any) -> Constraint:  # noqa: ANN401  as marshmallow's Range
    """Return a constraint on numbers."""
    return Constraint(WRONG, validate.Range(**bounds))


def long(**bounds: Any) -> Constraint:  # noqa: ANN401  as marshmallow's Length
    """Return a constraint on lengths."""
    return Constraint(WRONG, validate.Length(**bounds))


class Named(OpenRtbObject):
    """An object with an optional id."""

    id = Text()


KINDS = [
    Text(),
    Text(required=True),
    Text(validate=NOT_EMPTY),
    Text(validate=long(min=1, max=2)),
    Text(validate=long(equal=2)),
    Integer(),
    Integer(required=True),
    Flag(),
    Flag(required=True),
    Integer(validate=ranged(min=1, max=3)),
    Integer(validate=ranged(min=0.5, max=2.5)),
    Integer(validate=ranged(min=1, min_inclusive=False, max=3, max_inclusive=False)),
    Integer(validate=ranged(min=0.5, min_inclusive=False, max=2.5, max_inclusive=False)),
    Integer(validate=Constraint(WRONG, validate.OneOf((3, 1, 2)))),
    Number(),
    Number(required=True),
    Price(),
    Number(validate=ranged(min=0.5, max=10)),
    Number(validate=ranged(min=0.5, min_inclusive=False, max=10, max_inclusive=False)),
    Array(Text()),
    Array(Text(validate=NOT_EMPTY), required=True),
    Array(Text(), validate=long(min=1, max=2)),
    Array(Integer()),
    Array(Flag()),
    Array(Number()),
    Array(Object(Named)),
    Object(Named),
    Object(Named, required=True),
    Extension(Named),
]


def accepts(check: Compiled, document: object) -> bool:
    """Say what the check says."""
    try:
        check.check(document)
    except Rejected:
        return False
    return True


@pytest.mark.parametrize("field", KINDS, ids=repr)
def test_every_kind(field: fields.Field[Any]) -> None:
    """A field of each kind, with each kind of constraint, accepts exactly what marshmallow does."""
    schema = build_nested(type("OfKind", (OpenRtbObject,), {"member": field})())
    check = Compiled(schema)
    accepted = {}
    for value in VALUES:
        accepted[repr(value)] = accepts(check, {"member": value})
        assert accepted[repr(value)] == (violations({"member": value}, schema) == []), value
    assert accepts(check, {}) == (violations({}, schema) == [])
    assert len(set(accepted.values())) == 2 or isinstance(field, Extension)


@pytest.mark.parametrize("member", [None, [], "", 0, {}, {"id": "1"}, [1], True])
def test_extension_in_a_relation(member: object) -> None:
    """An extension, which may be anything, is there when it is neither null nor an empty array."""

    class Related(OpenRtbObject):
        relations = (AtMostOne(("one", "ext")), Excludes("ext", ("one", "many")))
        one = Text()
        many = Array(Text())
        ext = Extension(Named)

    check = Compiled(build_nested(Related()))
    several: list[dict[str, object]] = [{}, {"one": "1"}, {"many": []}, {"many": ["1"]}]
    for others in several:
        document = {**others, "ext": member}
        assert accepts(check, document) == (violations(document, build_nested(Related())) == [])


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"id": "1", "imp": [{"id": "1", "banner": {"w": "300"}}]}, "imp[0].banner.w"),
        ({"id": "1", "imp": [{"id": "1"}]}, "Imp AtLeastOne"),
        ({"imp": [{"id": "1", "banner": {}}]}, ""),
        ([], ""),
    ],
)
def test_the_place_of_a_refusal(document: object, place: str) -> None:
    """A refusal names the path, or the object and the kind of rule, or nothing for the root."""
    with pytest.raises(Rejected) as refused:
        Compiled(bid_request()).check(document)
    assert str(refused.value) == place
