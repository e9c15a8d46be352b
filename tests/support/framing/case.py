"""A case of framing: bytes that somebody sends, and what must come of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

ID = b"@@@@@@@@"  # stands in a case for the id that belongs to one try of it
BID = b'{"id":"%s","imp":[{"id":"imp-of-case","banner":{}}]}' % ID
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


def kept(*answers: int | set[int], continues: int = 0, heads: int = 0) -> Case:
    """Return what must come of a case: these answers, and the connection stays.

    An answer is a status, or one of several that are all right.
    """
    statuses = tuple(frozenset({each} if isinstance(each, int) else each) for each in answers)
    return Case("", b"", statuses, kept=True, most_continues=continues, heads=heads)


def closed(*answers: int | set[int], heads: int = 0) -> Case:
    """Return the same for a connection that ends."""
    return replace(kept(*answers, heads=heads), kept=False)


def either(*answers: int | set[int], continues: int = 0) -> Case:
    """Return the same for a connection of which both are right."""
    return replace(kept(*answers, continues=continues), kept=None)


TAKEN, REFUSED = kept(202), closed(400)
CUT_OFF = either({400, 408}).finishing(silent=True)


def each(wanted: Case, *odd: bytes, form: bytes = b"%b") -> dict[str, tuple[Case, bytes]]:
    """Return rows of which the same must come, named by what is odd in them."""
    return {repr(form % text)[1:]: (wanted, form % text) for text in odd}


def cases(
    kind: str, table: Mapping[str, tuple[Case, bytes]], before: bytes = b"", behind: bytes = b""
) -> tuple[Case, ...]:
    """Return the cases of a kind: by its name what must come of which, between the same two."""
    return tuple(
        replace(wanted, name=f"{kind}: {name}", sent=before + odd + behind)
        for name, (wanted, odd) in table.items()
    )


@dataclass(frozen=True)
class Try:
    """One connection: a case with an id of its own, in these pieces."""

    case: Case
    manner: str
    bid_id: bytes
    pieces: tuple[bytes, ...]

    @property
    def name(self) -> str:
        return f"{self.case.name}, {self.manner}"


def tries(case: Case, first_number: int = 0) -> Iterator[Try]:
    """Return a case whole, byte by byte, and cut in two at every position.

    A long case is cut at every position of its ends, and at some between.
    """
    for number, (manner, cuts) in enumerate(_manners(len(case.sent)), first_number):
        bid_id = b"%08d" % number
        sent = case.sent.replace(ID, bid_id)
        pieces = tuple(sent[a:b] for a, b in pairwise([0, *cuts, len(sent)]))
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
