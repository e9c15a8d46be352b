"""Where in a request each object of the spec can stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Object


@dataclass(frozen=True)
class Place:
    """An object by its schema and its path, for instance `imp[0].banner`; empty for the root."""

    path: str
    schema: OpenRtbObject

    @classmethod
    def all_of(cls, root: OpenRtbObject) -> Iterator[Place]:
        """Yield each object in `root` once, at the first place that it can stand at."""
        seen: set[type] = set()
        todo = [cls("", root)]
        while todo:
            place = todo.pop(0)
            if type(place.schema) not in seen:
                seen.add(type(place.schema))
                yield place
                todo += place.members()

    def members(self) -> Iterator[Place]:
        """Yield the objects that the members are, or that they are arrays of."""
        for name, field in self.schema.fields.items():
            inner = field.inner if isinstance(field, Array) else field
            if isinstance(inner, Object) and isinstance(inner.schema, OpenRtbObject):
                steps = (name, 0) if isinstance(field, Array) else (name,)
                yield Place(self.path_of(*steps), inner.schema)

    def path_of(self, *steps: str | int) -> str:
        """Return the path of a member, of an element of it, and so on."""
        path = self.path
        for step in steps:
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
        return path.removeprefix(".")
