"""`python -m consumer dlq list|show|replay`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, TextIO

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from common.kafka_clients import create_or_close
from common.topic_limits import producer_sizes, record_limits
from consumer.dlq.letter import is_whole
from consumer.dlq.reader import about, read
from consumer.dlq.replay import Replay
from consumer.kafka.clients import open_reader
from consumer.kafka.limits import ESTIMATED_BYTES
from consumer.kafka.record import Record
from consumer.settings.consumer import ConsumerSettings

_CLIENT_ID = "bidding-logic-dlq"


def run(arguments: Sequence[str], settings: ConsumerSettings, out: TextIO, err: TextIO) -> int:
    """Run one command and return the exit code: 0, or 1 when Kafka or the letter is not there."""
    asked = parser().parse_args(arguments)
    try:
        with _letters(settings) as (consumer, partitions):
            match asked.command:
                case "show":
                    return _show(consumer, partitions, asked, out, err)
                case "replay":
                    return _replay(consumer, partitions, settings, out)
            return _list(consumer, partitions, out)
    except KafkaError as error:
        print(f"kafka: {error}", file=err)
        return 1


def group(settings: ConsumerSettings) -> str:
    """Return the group under which Kafka keeps how far the replays have come."""
    return f"{settings.kafka.consumer_group}.dlq-replay"


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments."""
    top = argparse.ArgumentParser(prog="python -m consumer dlq", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="one line of JSON per dead letter")
    show = commands.add_parser("show", help="one dead letter: its headers, then its bytes")
    show.add_argument("partition", type=int)
    show.add_argument("offset", type=int)
    commands.add_parser("replay", help="put back all that was not put back yet, each once")
    return top


@contextmanager
def _letters(settings: ConsumerSettings) -> Iterator[tuple[Any, list[TopicPartition]]]:
    options = {
        **_connection(settings),
        "group_id": group(settings),
        "enable_auto_commit": False,
    }
    with closing(open_reader(settings, options)) as consumer:
        topic = settings.kafka.topic_dead_letters
        numbers = sorted(consumer.partitions_for_topic(topic) or ())
        yield consumer, [TopicPartition(topic, number) for number in numbers]


def _connection(settings: ConsumerSettings) -> dict[str, Any]:
    return {
        **settings.kafka.client_options(),
        "client_id": _CLIENT_ID,
        "bootstrap_timeout_ms": settings.connect_timeout_ms,
    }


def _list(consumer: Any, partitions: list[TopicPartition], out: TextIO) -> int:  # noqa: ANN401  kafka-python ships no types
    for letters in read(consumer, consumer.beginning_offsets(partitions)):
        for letter in letters:
            print(json.dumps(about(letter)), file=out)
    return 0


def _show(
    consumer: Any,  # noqa: ANN401  kafka-python ships no types
    partitions: list[TopicPartition],
    asked: argparse.Namespace,
    out: TextIO,
    err: TextIO,
) -> int:
    letter = _find(consumer, partitions, asked.partition, asked.offset)
    if letter is None:
        print(f"no dead letter at {asked.partition}:{asked.offset}", file=err)
        return 1
    for name, value in letter.headers:
        print(f"{name}: {(value or b'').decode('utf-8', 'backslashreplace')}", file=out)
    if not is_whole(letter.headers):
        print("\nparts of the record did not fit, and are left out: it is not put back", file=err)
    print(f"\n{(letter.value or b'').decode('utf-8', 'backslashreplace')}", file=out)
    return 0


def _find(
    consumer: Any,  # noqa: ANN401  kafka-python ships no types
    partitions: list[TopicPartition],
    number: int,
    offset: int,
) -> Record | None:
    wanted = [tp for tp in partitions if tp.partition == number]
    ends = consumer.end_offsets(wanted)
    if not all(offset < end for end in ends.values()) or not wanted:
        return None
    for letters in read(consumer, dict.fromkeys(wanted, offset)):
        return letters[0] if letters[0].offset == offset else None
    return None


def _replay(
    consumer: Any,  # noqa: ANN401  kafka-python ships no types
    partitions: list[TopicPartition],
    settings: ConsumerSettings,
    out: TextIO,
) -> int:
    topic = settings.kafka.topic_bid_requests
    limit = record_limits([topic], _connection(settings))[topic]
    options = {
        **_connection(settings),
        "transactional_id": group(settings),
        "acks": "all",
        **producer_sizes([limit]),
        "max_request_size": limit + ESTIMATED_BYTES,
    }
    with closing(create_or_close(KafkaProducer, options)) as producer:
        outcomes = Replay(producer, topic, limit, group(settings)).run(consumer, partitions)
    print(json.dumps({**outcomes, "to": topic}), file=out)
    return 0
