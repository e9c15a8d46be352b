"""The schemas are data: all that they say can be read off them by a program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import pytest
from marshmallow import fields, validate

from app.openrtb import bid_request
from app.schema.base import OpenRtbObject
from app.schema.constraints import Constraint
from app.schema.fields import Array, Extension, Integer, Number, Object, Text
from tests.unit.app.openrtb.full_request import declared

OBJECTS = set(
    """
    BidRequest Source Regs Imp Metric Banner Format Video Audio Native Pmp Deal Qty Refresh
    RefSettings Site App DOOH Publisher Content Producer Network Channel Device Geo User EID UID
    Data Segment UserAgent BrandVersion SupplyChain SupplyChainNode DurFloors
""".split()  # noqa: SIM905  one name a line would fill a page
)


def _schemas() -> Iterator[OpenRtbObject]:
    yield bid_request()
    for _, field in declared():
        inner: object = field.inner if isinstance(field, Array) else field
        if isinstance(inner, Object) and isinstance(inner.schema, OpenRtbObject):
            yield inner.schema


SCHEMAS = list({type(schema): schema for schema in _schemas()}.values())


def test_every_object_of_the_spec() -> None:
    """Every object that a bid request can hold has a schema, reachable from the request's."""
    assert {type(schema).__name__ for schema in SCHEMAS} == OBJECTS | {"SourceExt"}


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: type(schema).__name__)
class TestEverySchema:
    """What holds of each schema."""

    def test_section(self, schema: OpenRtbObject) -> None:
        """Its docstring names the section of the spec that its messages name."""
        assert re.fullmatch(r"3\.2\.\d+", schema.section)
        assert f"section {schema.section}" in (type(schema).__doc__ or "")

    def test_relations(self, schema: OpenRtbObject) -> None:
        """Its relations are frozen records over members that it declares."""
        for relation in schema.relations:
            hash(relation)
            assert is_dataclass(type(relation))
            assert set(_members(relation)) <= set(schema.fields)

    def test_no_code_of_its_own(self, schema: OpenRtbObject) -> None:
        """It adds no method, hook or validator to what all objects share."""
        own = {name for name in vars(type(schema)) if not name.startswith("_")}
        assert own <= {"section", "relations", "recommendations", "opts"}


@pytest.mark.parametrize(
    ("path", "field"), [pytest.param(path, field, id=path) for path, field in declared()]
)
def test_every_field(path: str, field: fields.Field[Any]) -> None:
    """Each field is of one of five kinds, constrained by nothing but plain validators."""
    kinds = {Text, Integer, Number, Object, Array}
    assert len([kind for kind in kinds if isinstance(field, kind)]) == 1, path
    assert not isinstance(field, Extension) or path == "source.ext"
    for constraint in field.validators:
        assert isinstance(constraint, Constraint)
        assert type(constraint.validator) in {validate.Range, validate.OneOf, validate.Length}
    assert not field.pre_load
    assert not field.post_load


def _members(relation: Any) -> Iterator[str]:  # noqa: ANN401  any of the relations
    for name in ("names", "others"):
        yield from getattr(relation, name, ())
    for name in ("name", "other", "array"):
        if hasattr(relation, name):
            yield getattr(relation, name)
