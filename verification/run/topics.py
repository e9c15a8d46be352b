"""The topics as a client of ours sees them: created where they are missing, and their records."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from common.addresses import split_host_port
from verification.errors import CannotRunError
from verification.run.messages import printable

_CONNECT_S = 3.0
_TIMEOUT_MS = 15_000
_POLL_MS = 500
# By the brokers' clock: with a wrong one, a client's records would be refused as too far ahead, or
# deleted as too old.
_CONFIGS = {"message.timestamp.type": "LogAppendTime"}


def require_answer(client_options: Mapping[str, Any]) -> None:
    """Raise CannotRunError unless one of kafka-python's `bootstrap_servers` takes a connection."""
    servers = client_options["bootstrap_servers"]
    brokers = servers.split(",") if isinstance(servers, str) else servers
    for broker in brokers:
        with suppress(OSError), socket.create_connection(split_host_port(broker), _CONNECT_S):
            return
    message = f"no Kafka answers at {', '.join(brokers)}: is `make run` up, KAFKA_BROKERS right?"
    raise CannotRunError(message)


@contextmanager
def _client(kind: Callable[..., Any], options: Mapping[str, Any], does: str = "") -> Iterator[Any]:
    """Use a client of kafka-python; what that raises is a CannotRunError with what failed."""
    require_answer(options)
    try:
        with closing(kind(**options, bootstrap_timeout_ms=_TIMEOUT_MS)) as client:
            yield client
    except KafkaError as error:
        message = f"Kafka at {options['bootstrap_servers']}: {does}{error}"
        raise CannotRunError(message) from error


def create_topics(client_options: Mapping[str, Any], partitions: Mapping[str, int]) -> list[str]:
    """Create the topics that are missing and return their names; existing ones are left alone.

    `client_options` are kafka-python's, `partitions` maps a topic's name to its number of
    partitions. Raises CannotRunError when the cluster cannot be reached or refuses.
    """
    with _client(KafkaAdminClient, client_options, "topics cannot be created: ") as admin:
        return create_missing(admin, partitions)


def create_missing(admin: KafkaAdminClient, partitions: Mapping[str, int]) -> list[str]:
    """Do as `create_topics` does, with a client that is there already."""
    there = set(admin.list_topics())
    missing = [name for name in partitions if name not in there]
    for name in missing:
        with suppress(TopicAlreadyExistsError):  # somebody has just been quicker
            create_one(admin, name, partitions[name])
    return missing


def create_one(
    admin: KafkaAdminClient,
    name: str,
    partitions: int,
    configs: Mapping[str, str] | None = None,
    replicas: int = -1,
) -> None:
    """Create a topic with settings of its own; -1 replicas: as the brokers say.

    Raises TopicAlreadyExistsError, or another KafkaError.
    """
    options = {
        "num_partitions": partitions,
        "replication_factor": replicas,
        "configs": {**_CONFIGS, **(configs or {})},
    }
    admin.create_topics({name: options}, timeout_ms=_TIMEOUT_MS, wait_for_metadata=True)


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
    with _client(KafkaConsumer, client_options) as consumer:
        return choose(consumer, topic, wanted)


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
