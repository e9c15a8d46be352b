"""What `status` tells, wherever the pipeline runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

# The lag of a pipeline under load is never the same twice: a change below both is none.
_STEADY_SHARE, _STEADY_MESSAGES = 0.05, 10


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be, and the command to type next."""

    what: str
    next: str


@dataclass(frozen=True)
class Workload:
    """A part of the pipeline, whether it is well, and a word on it."""

    name: str
    well: bool
    state: str


@dataclass(frozen=True)
class Topic:
    """A topic, and how many records have ever been written to it."""

    name: str
    partitions: int
    records: int


@dataclass(frozen=True)
class PartitionLag:
    """How far the bidding logic is behind: records, and the age of the oldest in seconds."""

    partition: int
    messages: int
    seconds: float


@dataclass(frozen=True)
class Decision:
    """A decision: on which bid request, which record held it, and when it was decided (ISO)."""

    id: str
    decision: str
    strategy: str
    record: str
    at: str


@dataclass(frozen=True)
class Account:
    """What Kafka itself tells; all of it is empty when it does not."""

    topics: tuple[Topic, ...] = ()
    lag: tuple[PartitionLag, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Status:
    """All that `status` tells. `trend` is the lag's direction since the look before, if any."""

    where: str
    workloads: tuple[Workload, ...] = ()
    account: Account = Account()
    problems: tuple[Problem, ...] = ()
    trend: str = ""

    @property
    def messages(self) -> int:
        """The records behind in all partitions."""
        return sum(item.messages for item in self.account.lag)

    @property
    def seconds(self) -> float:
        """The age of the oldest record that is not decided on, in any partition."""
        return max((item.seconds for item in self.account.lag), default=0.0)


class Inquiry(Protocol):
    """Asks one pipeline."""

    def behind(self) -> int | None:
        """Return the records behind, to compare a later look with; None when nobody tells."""

    def status(self) -> Status:
        """Ask for everything."""


def trend(before: int | None, status: Status) -> str:
    """Return `growing`, `shrinking` or `steady`; empty when one of the looks saw no lag at all."""
    if before is None or not status.account.lag:
        return ""
    change = status.messages - before
    if abs(change) <= max(_STEADY_MESSAGES, before * _STEADY_SHARE):
        return "steady"
    return "growing" if change > 0 else "shrinking"
