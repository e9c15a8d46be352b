"""What the compiler does not know stops the process when it starts; nothing silently passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from marshmallow import INCLUDE, Schema, fields, post_load, validate

from app.schema.base import OpenRtbObject
from app.schema.constraints import NOT_NEGATIVE, ZERO_OR_ONE, Constraint
from app.schema.fields import Array, Extension, Integer, Number, Object, Text
from app.schema.recommendations import Shape, SizedBanner
from app.schema.relations import AtMostOne, RequiredWhen, Unique
from app.schema.violation import Violation
from app.validation.compiled_check import Compiled
from app.validation.supported import NotCompilable

pytestmark = pytest.mark.promise("configured")

ODD = Violation("odd", "must be odd")


class OddNumber(Integer):
    """A subclass, which may have code of its own."""


@dataclass(frozen=True)
class FromSomewhere:
    """A relation that the compiler has never seen."""


class Inner(OpenRtbObject):
    """An object to be nested."""

    id = Text()


def with_field(field: fields.Field[Any]) -> type[OpenRtbObject]:
    """Return a schema with this field."""
    return type("WithField", (OpenRtbObject,), {"member": field})


def with_attribute(name: str, value: object) -> type[OpenRtbObject]:
    """Return a schema with this in its class body, next to a few fields."""
    body = {"ids": Array(Object(Inner)), "one": Text(), "two": Integer(), name: value}
    return type("WithAttribute", (OpenRtbObject,), body)


def changed(field: fields.Field[Any], option: str, value: object) -> fields.Field[Any]:
    """Return the field with one of its options set after it was made."""
    setattr(field, option, value)
    return field


UNKNOWN_FIELDS = [
    fields.String(),
    fields.Nested(Inner),
    OddNumber(),
    Array(fields.Integer()),
    Array(Array(Text())),
    Array(Extension(Inner)),
    Array(changed(Text(), "required", value=True)),
    changed(Text(), "data_key", "other"),
    changed(Text(), "attribute", "other"),
    changed(Text(), "load_default", "there"),
    changed(Text(), "dump_only", value=True),
    changed(Text(), "load_only", value=True),
    changed(Text(), "pre_load", [str.strip]),
    changed(Text(), "post_load", [str.strip]),
    changed(Text(), "allow_none", value=False),
    changed(Text(), "validators", [validate.Length(1)]),
    changed(Text(), "validators", [lambda _: None]),
    Text(validate=Constraint(ODD, validate.Regexp("x"))),  # type: ignore[arg-type]  # the point
    Text(validate=NOT_NEGATIVE),
    Number(validate=ZERO_OR_ONE),
    Integer(validate=Constraint(ODD, validate.OneOf((1, 3)))),
    Integer(validate=Constraint(ODD, validate.OneOf((0, True)))),
    Integer(validate=Constraint(ODD, validate.Length(1))),
    Integer(validate=Constraint(ODD, validate.Range(min=2**70))),
    changed(
        Integer(),
        "validators",
        [NOT_NEGATIVE, Constraint(ODD, validate.Range(min=1))],
    ),
]
UNKNOWN_DECLARATIONS: list[tuple[str, object]] = [
    ("hook", post_load(lambda _self, data, **_: data)),
    ("load", lambda *_: {}),
    ("__init__", lambda *_, **__: None),
    ("Meta", type("Meta", (), {"unknown": INCLUDE})),
    ("class", Text()),
    ("a-b", Text()),
    ("relations", (FromSomewhere(),)),
    ("relations", (AtMostOne(("one", "three")),)),
    ("relations", (RequiredWhen("two", "one", 1),)),
    ("relations", (Unique("ids", "id"),)),
    ("relations", (Unique("one", "id"),)),
    ("recommendations", (FromSomewhere(),)),
    ("recommendations", (Shape("three", "r", "m", bool, "x", ""),)),
    ("recommendations", (SizedBanner(),)),
]


class TestUnknown:
    """Schemas that are more than what the compiler sees."""

    @pytest.mark.parametrize("field", UNKNOWN_FIELDS, ids=repr)
    def test_field(self, field: fields.Field[Any]) -> None:
        """A field of an unknown kind, or with unknown options or constraints, is refused."""
        with pytest.raises(NotCompilable, match="member|WithField"):
            Compiled(with_field(field)())

    @pytest.mark.parametrize(("name", "value"), UNKNOWN_DECLARATIONS)
    def test_declaration(self, name: str, value: object) -> None:
        """A method, a hook, an option, an unknown rule, or one on unknown members is refused."""
        with pytest.raises(NotCompilable, match="WithAttribute"):
            Compiled(with_attribute(name, value)())

    @pytest.mark.parametrize(
        "options", [{"only": ("one",)}, {"exclude": ("one",)}, {"many": True}, {"partial": True}]
    )
    def test_instance(self, options: dict[str, Any]) -> None:
        """A schema that is made to check less than it declares is refused."""
        with pytest.raises(NotCompilable, match="WithAttribute"):
            Compiled(with_attribute("three", Text())(**options))

    def test_other_base(self) -> None:
        """A schema of marshmallow's own, nested or not, is refused."""
        plain = Schema.from_dict({"id": Text()}, name="Plain")
        with pytest.raises(NotCompilable, match="Plain must be an OpenRtbObject"):
            Compiled(with_field(Object(plain))())

    def test_deep_inside(self) -> None:
        """What is unknown is found at any depth."""
        inside = with_field(fields.String())
        with pytest.raises(NotCompilable, match=r"WithField\.member: String is none of"):
            Compiled(with_field(Array(Object(inside)))())

    def test_recursion(self) -> None:
        """A schema that contains itself has no bound, and is refused."""
        schema = with_field(Text())
        schema._declared_fields["again"] = Object(schema)  # noqa: SLF001  no other way to say it
        with pytest.raises(NotCompilable, match="contains itself"):
            Compiled(schema())
