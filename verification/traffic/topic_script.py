"""Reads topics; sent as source text into a pod that has kafka-python and may reach Kafka.

`python - '{"do": "read", "from": {"TOPIC": {"0": 17}}}'` prints each record from those offsets to
the end that the topic has when the reading begins, one JSON object a line, bytes in base64.
`{"do": "ends", "topics": [...]}` prints the end offsets and `{"do": "lag", "topic": ..., "group":
...}` what the group has not consumed yet. The last line of every output is `{"complete": true}`.
"""

import base64
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

_PATIENCE_S = 20.0
Row = dict[str, Any]
Client = Any  # kafka-python ships no types


def main(request: Row, consumer: Client) -> None:
    """Print one JSON object a line, then the line that says all was printed."""
    work = {"read": _read, "ends": _ends, "lag": _lag}[request["do"]]
    for row in work(request, consumer):
        sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.write('{"complete": true}\n')


def _partitions(consumer: Client, topic: str) -> list[Any]:
    return [
        TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))
    ]


def _ends(request: Row, consumer: Client) -> Iterator[Row]:
    for topic in request["topics"]:
        ends = consumer.end_offsets(_partitions(consumer, topic))
        yield {"topic": topic, "ends": {str(part.partition): end for part, end in ends.items()}}


def _read(request: Row, consumer: Client) -> Iterator[Row]:
    starts = {
        TopicPartition(topic, int(number)): offset
        for topic, offsets in request["from"].items()
        for number, offset in offsets.items()
    }
    ends = consumer.end_offsets(list(starts))
    first = consumer.beginning_offsets(list(starts))
    starts = {part: max(offset, first[part]) for part, offset in starts.items()}
    for record in records_between(consumer, starts, ends):
        yield _row(record)


def records_between(consumer: Client, starts: Row, ends: Row) -> Iterator[Any]:
    """Yield the records of each partition from its start to its end; TimeoutError when stuck."""
    open_parts = {part for part, offset in starts.items() if offset < ends[part]}
    consumer.assign(list(open_parts))
    for part in open_parts:
        consumer.seek(part, starts[part])
    deadline = time.monotonic() + _PATIENCE_S
    while open_parts:
        if time.monotonic() > deadline:
            message = f"no more records, yet not at the end of {sorted(open_parts)}"
            raise TimeoutError(message)
        for part, batch in consumer.poll(timeout_ms=500).items():
            deadline = time.monotonic() + _PATIENCE_S
            yield from (record for record in batch if record.offset < ends[part])
        open_parts = {part for part in open_parts if consumer.position(part) < ends[part]}


def _row(record: Client) -> Row:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": _base64(record.key),
        "value": _base64(record.value),
        "headers": [[name, _base64(value)] for name, value in record.headers],
    }


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _lag(request: Row, consumer: Client) -> Iterator[Row]:
    """Yield per partition the records not consumed yet and the age of the oldest of them.

    As the bidding logic's gauges have it: what was deleted before it was consumed does not wait.
    The group is asked before the ends, so that nothing that waits is left out.
    """
    parts = _partitions(consumer, request["topic"])
    patience_ms = int(_PATIENCE_S * 1000)
    committed = {part: consumer.committed(part, timeout_ms=patience_ms) or 0 for part in parts}
    ends = consumer.end_offsets(parts)
    first = consumer.beginning_offsets(parts)
    for part in parts:
        start = max(committed[part], first[part])
        age = _age(consumer, part, start, ends[part])
        yield {"partition": part.partition, "lag": max(ends[part] - start, 0), "age_s": age}


def _age(consumer: Client, part: Client, start: int, end: int) -> float:
    """Return the age of the first record from one offset to another, 0 where none can be read."""
    if start >= end:
        return 0.0
    try:
        found = next(records_between(consumer, {part: start}, {part: end}), None)
    except KafkaError:  # no codec for it, or its checksum is wrong
        return 0.0
    return 0.0 if found is None else max(0.0, time.time() - found.timestamp / 1000)


if __name__ == "__main__":
    ARGUMENT = json.loads(sys.argv[1])
    main(
        ARGUMENT,
        KafkaConsumer(
            bootstrap_servers=os.environ["KAFKA_BROKERS"].split(","),
            group_id=ARGUMENT.get("group"),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",  # as the bidding logic reads
        ),
    )
