"""The part of a Kafka record that the bidding logic reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from kafka.structs import TopicPartition

from common import traceparent

RECEIVED_AT = "received-at"
_EPOCH_MS = re.compile(rb"\d{1,16}", re.ASCII)


class Record(Protocol):
    """A record as kafka.KafkaConsumer.poll returns it, typed."""

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


class RecordHeaders(msgspec.Struct, frozen=True, gc=False):
    """The headers that the ingest has written beside a body, None where it has not.

    `traceparent` is the record's place in its trace, where it is a valid one.
    """

    received_at: bytes | None
    traceparent: str | None

    @property
    def received_at_ms(self) -> int | None:
        """The epoch milliseconds at which the ingest received the request."""
        value = self.received_at
        return int(value) if value is not None and _EPOCH_MS.fullmatch(value) else None

    @property
    def trace_id(self) -> str | None:
        """The 32 hexadecimal digits that name the record's trace."""
        return traceparent.trace_id(self.traceparent) if self.traceparent else None


def read_headers(record: Record) -> RecordHeaders:
    """Read both headers, in one pass: this is done for each record."""
    received_at = place_in_trace = None
    for name, value in record.headers:
        if name == RECEIVED_AT:
            received_at = value
        elif name == traceparent.NAME:
            place_in_trace = value
    given = (place_in_trace or b"").decode("ascii", "replace")
    return RecordHeaders(received_at, given if traceparent.is_valid(given) else None)
