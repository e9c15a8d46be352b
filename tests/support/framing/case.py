"""A case of framing: bytes that somebody sends, and what must come of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

ID = b"@@@@@@@@"  # stands in a case for the id that belongs to one try of it
BID = b'{"id":"%s","imp":[{"id":"1","banner":{}}]}' % ID
SMUGGLED = b"smuggled"  # an id that must never reach the topic

_SHORT = 400  # bytes up to which a case is cut at every position
_LONG = 20_000  # from here on the ends that are cut everywhere are short
_PARTS = 10

Statuses = frozenset[int]


@dataclass(frozen=True)
class Case:
    """What is sent, the answers in their order, and whether the connection is kept.

    `kept` is None where both are right. `most_continues` is how many 100 (Continue) may come.
    With `finishes` the client ends its side after the last byte; then `may_be_silent` allows no
    answer at all to what is not a whole request. `heads` counts the answers that are to HEAD.
    """

    name: str
    sent: bytes
    answers: tuple[Statuses, ...]
    kept: bool | None
    most_continues: int = 0
    finishes: bool = False
    may_be_silent: bool = False
    heads: int = 0

    def finishing(self, *, silent: bool = False) -> Case:
        """Return the same with the client's side ended after it."""
        return replace(self, finishes=True, may_be_silent=silent)

    def after(self, prefix: bytes, answers: tuple[Statuses, ...]) -> Case:
        """Return the same behind other requests on the same connection."""
        return replace(self, sent=prefix + self.sent, answers=answers + self.answers)


@dataclass(frozen=True)
class Try:
    """One connection: a case with an id of its own, in these pieces."""

    case: Case
    manner: str
    bid_id: bytes
    pieces: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """The case and the manner."""
        return f"{self.case.name}, {self.manner}"


def tries(case: Case, first_number: int = 0) -> Iterator[Try]:
    """Return a case whole, byte by byte, and cut in two at every position.

    A long case is cut at every position of its ends, and at some between.
    """
    for number, (manner, cuts) in enumerate(_manners(len(case.sent)), first_number):
        bid_id = b"%08d" % number
        sent = case.sent.replace(ID, bid_id)
        bounds = [0, *cuts, len(sent)]
        pieces = tuple(sent[a:b] for a, b in pairwise(bounds))
        yield Try(case, manner, bid_id, pieces)


def _manners(length: int) -> Iterator[tuple[str, list[int]]]:
    yield "whole", []
    yield "byte by byte", _positions(length)
    for position in _positions(length):
        yield f"cut at {position}", [position]


def _positions(length: int) -> list[int]:
    if length <= _SHORT:
        return [*range(1, length)]
    edge = 20 if length > _LONG else 100
    between = range(edge, length - edge, length // _PARTS)
    return [*range(1, edge), *between, *range(length - edge, length)]
