"""A promise broken on purpose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """A change of one file, given as text that occurs in it once, and the test that must notice."""

    name: str
    file: str
    old: str
    new: str
    test: str
