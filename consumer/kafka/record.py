"""The part of a Kafka record that the bidding logic reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kafka.structs import TopicPartition

from common import traceparent

_EPOCH_MS = re.compile(rb"\d{1,16}", re.ASCII)


class Record(Protocol):
    """What kafka.KafkaConsumer.poll returns, without types of its own."""

    @property
    def topic(self) -> str:
        """Topic that the record lies on."""

    @property
    def partition(self) -> int:
        """Partition that the record lies on."""

    @property
    def offset(self) -> int:
        """Position in its partition."""

    @property
    def leader_epoch(self) -> int:
        """Term of the partition's leader that wrote it; -1 when unknown."""

    @property
    def timestamp(self) -> int:
        """Epoch milliseconds; -1 when unknown."""

    @property
    def key(self) -> bytes | None:
        """Bid request id, UTF-8, as the ingest writes it."""

    @property
    def value(self) -> bytes | None:
        """Body of the bid request, as received."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Names and values; Kafka lets a value be null."""


Place = tuple[str, int, int]  # topic, partition, offset


def place(record: Record) -> Place:
    """Return what no other record has."""
    return record.topic, record.partition, record.offset


@dataclass(frozen=True)
class UnreadableBatch:
    """A record in place of a batch that nobody can read; `offset` is the batch's last."""

    topic: str
    partition: int
    offset: int
    leader_epoch: int
    timestamp: int
    why: str
    headers: Sequence[tuple[str, bytes | None]] = field(default_factory=list)
    key: bytes | None = None
    value: bytes | None = None


Polled = Mapping[TopicPartition, Sequence[Record]]


def header(record: Record, name: str) -> bytes | None:
    """Return the last header of that name, None when there is none."""
    for key, value in reversed(record.headers):
        if key == name:
            return value
    return None


def received_at_ms(record: Record) -> int | None:
    """Return the epoch milliseconds at which the ingest received the request, None when unsaid."""
    value = header(record, "received-at")
    return int(value) if value is not None and _EPOCH_MS.fullmatch(value) else None


def trace_id(record: Record) -> str | None:
    """Return the 32 hexadecimal digits that name the record's trace, None when there are none."""
    parent = traceparent_of(record)
    return traceparent.trace_id(parent) if parent else None


def traceparent_of(record: Record) -> str | None:
    """Return the record's place in its trace, None when there is none."""
    given = (header(record, traceparent.NAME) or b"").decode("ascii", "replace")
    return given if traceparent.is_valid(given) else None
