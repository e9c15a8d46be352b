"""The records of a topic, oldest or newest first come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from verification.errors import CannotRunError
from verification.run.printable import printable
from verification.run.reach import require_answer

_POLL_MS = 500
_BOOTSTRAP_MS = 10_000


class Record(Protocol):
    """What kafka-python returns for one record."""

    @property
    def partition(self) -> int:
        """Partition number."""

    @property
    def offset(self) -> int:
        """Offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None:
        """The key's bytes."""

    @property
    def value(self) -> bytes | None:
        """The value's bytes."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Names and values, in the order written."""


@dataclass(frozen=True)
class Selection:
    """Which records of a topic are wanted: the newest `limit`, or the oldest; those with `key`."""

    limit: int
    from_beginning: bool = False
    key: bytes | None = None


def select(client_options: Mapping[str, Any], topic: str, wanted: Selection) -> list[Record]:
    """Return the wanted records that are on the topic now, in the order of their time stamps.

    Memory is bounded by `limit` times the number of partitions. Raises CannotRunError when the
    cluster does not answer or has no such topic.
    """
    require_answer(client_options)
    try:
        consumer = KafkaConsumer(**client_options, bootstrap_timeout_ms=_BOOTSTRAP_MS)
        try:
            return choose(consumer, topic, wanted)
        finally:
            consumer.close()
    except KafkaError as error:
        message = f"Kafka at {client_options.get('bootstrap_servers')}: {error}"
        raise CannotRunError(message) from error


def choose(consumer: KafkaConsumer, topic: str, wanted: Selection) -> list[Record]:
    """Do as `select` does, with a consumer that is there already."""
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        message = f"there is no topic {topic} (there are: {', '.join(sorted(consumer.topics()))})"
        raise CannotRunError(message)
    partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
    found: list[Record] = []
    for partition in partitions:
        found += _of_partition(consumer, partition, wanted)
    found.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
    return found[: wanted.limit] if wanted.from_beginning else found[-wanted.limit :]


def _of_partition(
    consumer: KafkaConsumer, partition: TopicPartition, wanted: Selection
) -> list[Record]:
    first: int = consumer.beginning_offsets([partition])[partition]
    end: int = consumer.end_offsets([partition])[partition]
    if not wanted.from_beginning and wanted.key is None:
        first = max(first, end - wanted.limit)
    matching = (
        record
        for record in _between(consumer, partition, first, end)
        if wanted.key is None or record.key == wanted.key
    )
    if wanted.from_beginning:
        return list(islice(matching, wanted.limit))
    return list(deque(matching, maxlen=wanted.limit))


def _between(
    consumer: KafkaConsumer, partition: TopicPartition, first: int, end: int
) -> Iterator[Record]:
    consumer.assign([partition])
    consumer.seek(partition, first)
    while consumer.position(partition) < end:
        for record in consumer.poll(timeout_ms=_POLL_MS).get(partition, ()):
            if record.offset < end:
                yield record


def render(record: Record) -> str:
    """Return a record as a few lines of text, safe to print."""
    when = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    headers = " ".join(f"{printable(name)}={printable(value)}" for name, value in record.headers)
    return (
        f"partition {record.partition} offset {record.offset} at {when}\n"
        f"  key      {printable(record.key)}\n"
        f"  headers  {headers or '-'}\n"
        f"  value    {printable(record.value, also=chr(10) + chr(9)).rstrip()}\n"
    )
