"""What `status` tells, wherever the pipeline runs, and how it asks Kafka for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from common import decisions
from common.kafka import KafkaSettings
from verification.errors import HarnessError
from verification.traffic.topics import Record, Topics

# The lag of a pipeline under load is never the same twice: a change below both is none.
_STEADY_SHARE, _STEADY_MESSAGES = 0.05, 10
# A consumer that is alive is never further behind than this, whatever the load of a test.
LATE_S = 30.0
_DECISIONS = 3


@dataclass(frozen=True)
class Issue:
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
class KafkaState:
    """What Kafka itself tells; all of it is empty when it does not."""

    topics: tuple[Topic, ...] = ()
    lag: tuple[PartitionLag, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Status:
    """All that `status` tells. `trend` is the lag's direction since the look before, if any."""

    where: str
    workloads: tuple[Workload, ...] = ()
    kafka: KafkaState = KafkaState()
    issues: tuple[Issue, ...] = ()
    trend: str = ""

    @property
    def messages(self) -> int:
        """The records behind in all partitions."""
        return sum(item.messages for item in self.kafka.lag)

    @property
    def seconds(self) -> float:
        """The age of the oldest record that is not decided on, in any partition."""
        return max((item.seconds for item in self.kafka.lag), default=0.0)


class Inquiry(Protocol):
    """Asks one pipeline."""

    def behind(self) -> int | None:
        """Return the records behind, to compare a later look with; None when nobody tells."""

    def status(self) -> Status:
        """Ask for everything."""


def trend(before: int | None, status: Status) -> str:
    """Return `growing`, `shrinking` or `steady`; empty when one of the looks saw no lag at all."""
    if before is None or not status.kafka.lag:
        return ""
    change = status.messages - before
    if abs(change) <= max(_STEADY_MESSAGES, before * _STEADY_SHARE):
        return "steady"
    return "growing" if change > 0 else "shrinking"


def lag_of(topics: Topics, names: KafkaSettings) -> tuple[PartitionLag, ...]:
    """Return the lag of each partition; raises HarnessError when Kafka does not tell it."""
    rows = topics.lag(names.topic_bid_requests, names.consumer_group)
    return tuple(PartitionLag(row["partition"], row["lag"], row["age_s"]) for row in rows)


def behind(topics: Topics, names: KafkaSettings) -> int | None:
    """Return the records behind in all partitions; None when Kafka does not tell it."""
    with suppress(HarnessError):
        return sum(item.messages for item in lag_of(topics, names))
    return None


def kafka_state(topics: Topics, names: KafkaSettings) -> KafkaState:
    """Ask for everything; raises HarnessError when Kafka does not answer."""
    decisions = names.topic_bid_decisions
    ends = topics.ends(names.topic_bid_requests, decisions, names.topic_dead_letters)
    told = tuple(Topic(name, len(parts), sum(parts.values())) for name, parts in ends.items())
    return KafkaState(
        told, lag_of(topics, names), _last_decisions(topics, decisions, ends[decisions])
    )


def late(kafka: KafkaState, command: str) -> Iterator[Issue]:
    """Yield the partitions that nobody seems to consume, with the command to type next."""
    for item in kafka.lag:
        if item.seconds > LATE_S:
            what = f"partition {item.partition} is {item.seconds:.0f} s behind"
            yield Issue(f"{what}, {item.messages} messages", command)


def _last_decisions(topics: Topics, name: str, ends: Mapping[str, int]) -> tuple[Decision, ...]:
    starts = {part: max(0, end - _DECISIONS) for part, end in ends.items()}
    records = sorted(topics.read({name: starts}), key=lambda record: record.timestamp)
    return tuple(_decision(record) for record in records[-_DECISIONS:])


def _decision(record: Record) -> Decision:
    """Read a decision; of what is not one, what the record itself tells."""
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    try:
        read = decisions.read(record.value)
    except ValueError:
        return Decision(record.id, "unknown", "unknown", "unknown", at)
    request = f"{read.request.topic}/{read.request.partition}/{read.request.offset}"
    return Decision(record.id, read.response.outcome, read.strategy, request, at)
