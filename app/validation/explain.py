"""The violations that marshmallow finds in a document, in the document's own order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError
from marshmallow.exceptions import SCHEMA

from app.openrtb import bid_request
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Object
from app.schema.violation import Violation

# Under SCHEMA the violations of the place itself, under a name or an index those within it; a list
# where nothing within it has any.
Tree = Mapping[Any, Any] | list[Violation]


def violations(
    document: Mapping[str, object], schema: OpenRtbObject | None = None
) -> list[Violation]:
    """Return what is wrong with `document` by `schema`, in its own order; nothing: it is valid.

    `schema` is OpenRTB 2.6 unless another is given, which `build_nested` has made.

    Never raises for what a JSON parser returns. The work is bounded: an array is not read on after
    its first VIOLATIONS_PER_ARRAY problems, so that the list is complete up to that length and a
    lower bound beyond it. Safe to call from several threads.
    """
    schema = schema or bid_request()
    try:
        schema.load(document)
    except ValidationError as error:
        error.__traceback__ = None  # frames of marshmallow hold the error, and the body as well
        return explain(error.messages_dict, schema, document)
    return []


def explain(tree: Tree, schema: OpenRtbObject, document: object) -> list[Violation]:
    """Return the violations that `schema` found in `document`, first the outer, then the inner.

    What is missing has no place in the document and comes first in the object it is missing from.
    """
    return list(_violations(tree, _Place("", schema, document, schema.section)))


@dataclass(frozen=True)
class _Place:
    """A value in the document, and what the schema says of it."""

    path: str
    spec: object
    value: object
    section: str

    def member(self, schema: OpenRtbObject, name: str) -> _Place:
        value = self.value.get(name) if isinstance(self.value, Mapping) else None
        path = f"{self.path}.{name}" if self.path else name
        return _Place(path, schema.fields[name], value, schema.section)

    def element(self, array: Array, index: int) -> _Place:
        value = self.value[index] if isinstance(self.value, list) else None
        return _Place(f"{self.path}[{index}]", array.inner, value, self.section)


def _violations(tree: Tree, place: _Place) -> Iterator[Violation]:
    own = tree if isinstance(tree, list) else tree.get(SCHEMA, ())
    for found in own:
        section = found.section or place.section
        source = f" (OpenRTB 2.6 section {section})" if section else ""
        yield Violation(found.rule, found.message + source, place.path, section)
    if isinstance(tree, Mapping):
        for key, inner in _within(tree, place):
            yield from _violations(tree[key], inner)


def _within(tree: Mapping[Any, Any], place: _Place) -> Iterator[tuple[str | int, _Place]]:
    spec = place.spec.schema if isinstance(place.spec, Object) else place.spec
    if isinstance(spec, OpenRtbObject):
        yield from ((name, place.member(spec, name)) for name in _in_order(tree, spec, place.value))
    elif isinstance(spec, Array):
        indices = sorted(key for key in tree if key != SCHEMA)
        yield from ((index, place.element(spec, index)) for index in indices)


def _in_order(tree: Mapping[Any, Any], schema: OpenRtbObject, value: object) -> list[str]:
    received = value if isinstance(value, Mapping) else {}
    missing = [name for name in schema.fields if name in tree and name not in received]
    return missing + [name for name in received if name in tree and name != SCHEMA]
