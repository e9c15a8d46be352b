"""What all objects of OpenRTB have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, validates_schema
from marshmallow.exceptions import SCHEMA

from app.schema.fields import NOT_AN_OBJECT, Array, Object
from app.schema.recommendations import Advice
from app.schema.relations import Relation
from app.schema.violation import Problem


class OpenRtbObject(Schema):
    """An object of the spec: typed fields, relations between them, advice, and anything besides.

    The declaration is all there is to a rule: no object has code of its own. Members that the
    declaration does not name are put up with (section 2), `ext` among them.
    """

    section: ClassVar[str] = ""
    relations: ClassVar[tuple[Relation, ...]] = ()
    advice: ClassVar[tuple[Advice, ...]] = ()

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
            for steps, problem in relation.findings(received):
                node = tree
                for step in steps:
                    node = node.setdefault(step, {})
                node.setdefault(SCHEMA, []).append(self._placed(problem))
        if tree:
            raise ValidationError(tree)

    def _placed(self, problem: Problem) -> Problem:
        return replace(problem, section=self.section)


S = TypeVar("S", bound=Schema)


def made(schema: S) -> S:
    """Return `schema` with the schemas in it made, so that threads may share it."""
    for field in schema.fields.values():
        inner = field.inner if isinstance(field, Array) else field
        if isinstance(inner, Object):
            made(inner.schema)
    return schema
