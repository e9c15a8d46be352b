"""The base of all objects of OpenRTB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, validates_schema
from marshmallow.exceptions import SCHEMA

from app.schema.fields import NOT_AN_OBJECT, Array, Object
from app.schema.recommendations import Recommendation
from app.schema.relations import Relation
from app.schema.violation import Violation


class OpenRtbObject(Schema):
    """An object of the spec: typed fields, relations, recommendations, and anything besides.

    The declaration is all there is to a rule: no object has code of its own. Members that the
    declaration does not name are put up with (section 2), `ext` among them.
    """

    section: ClassVar[str] = ""
    relations: ClassVar[tuple[Relation, ...]] = ()
    recommendations: ClassVar[tuple[Recommendation, ...]] = ()

    # marshmallow passes the message on as it is, whatever its type.
    error_messages = {"type": NOT_AN_OBJECT}  # type: ignore[dict-item]  # noqa: RUF012  as in Schema

    class Meta:
        """Unknown members are accepted and not looked at."""

        unknown = EXCLUDE

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_relations(self, _loaded: object, received: object, **_kwargs: object) -> None:
        """Raise ValidationError with all that breaks one of the relations."""
        if not self.relations or not isinstance(received, Mapping):
            return
        tree: dict[str | int, Any] = {}
        for relation in self.relations:
            for steps, violation in relation.violations(received):
                node = tree
                for step in steps:
                    node = node.setdefault(step, {})
                node.setdefault(SCHEMA, []).append(self._with_section(violation))
        if tree:
            raise ValidationError(tree)

    def _with_section(self, violation: Violation) -> Violation:
        return replace(violation, section=self.section)


S = TypeVar("S", bound=Schema)


def build_nested(schema: S) -> S:
    """Return `schema` with the schemas in it made, so that threads may share it."""
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, Array) else field
        if isinstance(inner, Object):
            build_nested(inner.schema)
    return schema
