"""What Kafka itself tells: topics, lag, the last decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from common import decisions
from common.kafka import KafkaSettings
from verification.errors import HarnessError
from verification.run.status.state import Account, Decision, PartitionLag, Problem, Topic
from verification.traffic.topics import Record, Topics

# A consumer that is alive is never further behind than this, whatever the load of a test.
LATE_S = 30.0
_DECISIONS = 3


def lag_of(topics: Topics, names: KafkaSettings) -> tuple[PartitionLag, ...]:
    """Return the lag of each partition; raises HarnessError when Kafka does not tell it."""
    rows = topics.lag(names.topic_bid_requests, names.consumer_group)
    return tuple(PartitionLag(row["partition"], row["lag"], row["age_s"]) for row in rows)


def behind(topics: Topics, names: KafkaSettings) -> int | None:
    """Return the records behind in all partitions; None when Kafka does not tell it."""
    with suppress(HarnessError):
        return sum(item.messages for item in lag_of(topics, names))
    return None


def account_of(topics: Topics, names: KafkaSettings) -> Account:
    """Ask for everything; raises HarnessError when Kafka does not answer."""
    decisions = names.topic_bid_decisions
    ends = topics.ends(names.topic_bid_requests, decisions, names.topic_dead_letters)
    told = tuple(Topic(name, len(parts), sum(parts.values())) for name, parts in ends.items())
    return Account(told, lag_of(topics, names), _last_decisions(topics, decisions, ends[decisions]))


def late(account: Account, command: str) -> Iterator[Problem]:
    """Yield the partitions that nobody seems to consume, with the command to type next."""
    for item in account.lag:
        if item.seconds > LATE_S:
            what = f"partition {item.partition} is {item.seconds:.0f} s behind"
            yield Problem(f"{what}, {item.messages} messages", command)


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
