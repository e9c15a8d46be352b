"""The loss ledger: every id that was sent stands in exactly one column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What the sender was told of one request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    INDETERMINATE = "indeterminate"


class Column(StrEnum):
    """What became of one request."""

    ACCEPTED_ONCE = "accepted and consumed once"
    ACCEPTED_REPEATED = "accepted and consumed more than once"
    ACCEPTED_MISSING = "accepted and missing"
    REFUSED_ABSENT = "refused and absent"
    REFUSED_PRESENT = "refused and present"
    INDETERMINATE_PRESENT = "indeterminate and present"
    INDETERMINATE_ABSENT = "indeterminate and absent"


MUST_BE_EMPTY = (Column.ACCEPTED_MISSING, Column.REFUSED_PRESENT)


@dataclass(frozen=True)
class Attempt:
    """One request that was sent: when (seconds since the load began), and how it ended."""

    id: str
    outcome: Outcome
    sent_s: float
    latency_ms: float
    detail: str


@dataclass(frozen=True)
class Ledger:
    """The ids by column, ids that nobody sent, and the attempts behind it all."""

    columns: Mapping[Column, tuple[str, ...]]
    strangers: tuple[str, ...]
    attempts: tuple[Attempt, ...]

    def counts(self) -> dict[str, int]:
        """Return the size of each column, in the order of Column."""
        return {column.value: len(self.columns[column]) for column in Column}

    def violations(self) -> list[str]:
        """Return what must not be: one line a broken rule."""
        broken = [
            f"{len(ids)} {column.value} (first: {ids[0]})"
            for column in MUST_BE_EMPTY
            if (ids := self.columns[column])
        ]
        if self.strangers:
            broken.append(f"{len(self.strangers)} unaccounted for (first: {self.strangers[0]})")
        return broken


def settle(
    attempts: Iterable[Attempt], requests: Iterable[str], decisions: Iterable[str]
) -> Ledger:
    """Place every attempt in its column, given the ids read from the two topics.

    `requests` and `decisions` hold one entry a record. An accepted id is missing when it lacks
    either its request or its decision.
    """
    sent = tuple(attempts)
    on_requests, on_decisions = Counter(requests), Counter(decisions)
    columns: dict[Column, list[str]] = {column: [] for column in Column}
    for attempt in sent:
        where = _column(attempt, on_requests[attempt.id], on_decisions[attempt.id])
        columns[where].append(attempt.id)
    strangers = sorted((set(on_requests) | set(on_decisions)) - {item.id for item in sent})
    settled = {column: tuple(ids) for column, ids in columns.items()}
    return Ledger(settled, tuple(strangers), sent)


def _column(attempt: Attempt, requests: int, decisions: int) -> Column:
    present = requests + decisions > 0
    if attempt.outcome is Outcome.REFUSED:
        return Column.REFUSED_PRESENT if present else Column.REFUSED_ABSENT
    if attempt.outcome is Outcome.INDETERMINATE:
        return Column.INDETERMINATE_PRESENT if present else Column.INDETERMINATE_ABSENT
    if not (requests and decisions):
        return Column.ACCEPTED_MISSING
    repeated = requests > 1 or decisions > 1
    return Column.ACCEPTED_REPEATED if repeated else Column.ACCEPTED_ONCE
