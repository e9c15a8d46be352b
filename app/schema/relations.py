"""Rules between the members of one object, as data.

A member is there when it is neither absent nor null nor an empty array: `"bseat": []` blocks
nobody, and many serializers write it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from app.schema.fields import MISSING, VIOLATIONS_PER_ARRAY
from app.schema.violation import Violation

Steps = tuple[str | int, ...]
ViolationAt = tuple[Steps, Violation]


class Relation(Protocol):
    """A rule over the members of one object."""

    def violations(self, members: Mapping[str, object]) -> Iterator[ViolationAt]:
        """Yield where the rule is broken, relative to the object, and what is wrong there.

        `members` is the object as received: nothing may be assumed of the types in it.
        """
        ...


@dataclass(frozen=True)
class AtMostOne:
    """Only one of the members may be there; the second one there is refused."""

    names: tuple[str, ...]

    def violations(self, members: Mapping[str, object]) -> Iterator[ViolationAt]:
        """Yield the first member that is one too many."""
        there = [name for name in self.names if _is_there(members, name)]
        if len(there) > 1:
            message = f"must not stand next to {there[0]}: at most one of {join_names(self.names)}"
            yield (there[1],), Violation("exclusive", message)


@dataclass(frozen=True)
class Excludes:
    """The member, if present, rules out the others."""

    name: str
    others: tuple[str, ...]

    def violations(self, members: Mapping[str, object]) -> Iterator[ViolationAt]:
        """Yield each of the others that is there as well."""
        if _is_there(members, self.name):
            for other in self.others:
                if _is_there(members, other):
                    message = f"must not stand next to {self.name}"
                    yield (other,), Violation("exclusive", message)


@dataclass(frozen=True)
class AtLeastOne:
    """One of the members must be there."""

    names: tuple[str, ...]
    rule: str

    def violations(self, members: Mapping[str, object]) -> Iterator[ViolationAt]:
        """Yield the object itself where it has none of the members."""
        if not any(_is_there(members, name) for name in self.names):
            yield (), Violation(self.rule, f"must have at least one of {join_names(self.names)}")


@dataclass(frozen=True)
class RequiredWhen:
    """The member must be there where another one, an integer, has a certain value."""

    name: str
    other: str
    value: int

    def violations(self, members: Mapping[str, object]) -> Iterator[ViolationAt]:
        """Yield the member where it is missing."""
        other = members.get(self.other)
        # true equals 1, and is a wrong type of its own.
        holds = not isinstance(other, bool) and other == self.value
        if holds and members.get(self.name) is None:
            message = f"{MISSING.message} where {self.other} is {self.value}"
            yield (self.name,), Violation(MISSING.rule, message)


@dataclass(frozen=True)
class Unique:
    """No two objects of the array may have the same string as the member named `key`."""

    array: str
    key: str

    def violations(self, members: Mapping[str, object]) -> Iterator[ViolationAt]:
        """Yield each repetition, up to VIOLATIONS_PER_ARRAY of them."""
        elements = members.get(self.array)
        seen: set[str] = set()
        found = 0
        for index, element in enumerate(elements if isinstance(elements, list) else ()):
            value = element.get(self.key) if isinstance(element, dict) else None
            if isinstance(value, str):
                if value in seen and found < VIOLATIONS_PER_ARRAY:
                    found += 1
                    message = f"must not be used twice in one {self.array} array"
                    yield (self.array, index, self.key), Violation("unique", message)
                seen.add(value)


def _is_there(members: Mapping[str, object], name: str) -> bool:
    return members.get(name) not in (None, [])


def join_names(names: tuple[str, ...]) -> str:
    """Return the names as a sentence lists them."""
    return f"{', '.join(names[:-1])} and {names[-1]}"
