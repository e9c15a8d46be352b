"""Dead letters as a person looks at them, and as records that go back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka.structs import TopicPartition

from consumer.dlq.letter import PREFIX, REPLAYED, is_whole
from consumer.kafka.publisher import Headers
from consumer.kafka.record import Record


def about(letter: Record) -> dict[str, Any]:
    """Return where a dead letter lies, and what its `dlq-` headers say, for one line of JSON."""
    given = {
        name.removeprefix(PREFIX): (value or b"").decode("utf-8", "replace")
        for name, value in letter.headers
        if name.startswith(PREFIX)
    }
    return {
        "at": f"{letter.partition}:{letter.offset}",
        "key": None if letter.key is None else letter.key.decode("utf-8", "replace"),
        "bytes": len(letter.value or b""),
        "whole": is_whole(letter.headers),
        **given,
    }


def restore_headers(letter: Record) -> Headers:
    """Return the headers of the original record."""
    return [(n, v or b"") for n, v in letter.headers if not n.startswith(PREFIX)]


def replay_header(letter: Record) -> tuple[str, bytes]:
    """Return the header that says that a record was put back, and from which letter."""
    return REPLAYED, f"{letter.partition}:{letter.offset}".encode("ascii")


def origin(letter: Record) -> tuple[bytes, ...]:
    """Return what names the original record: the same record can be given up more than once."""
    given = {name: value or b"" for name, value in letter.headers}
    return tuple(given.get(f"{PREFIX}{part}", b"") for part in ("topic", "partition", "offset"))


def read(consumer: Any, starts: dict[TopicPartition, int]) -> Iterator[list[Record]]:  # noqa: ANN401  kafka-python ships no types
    """Yield the letters from `starts` to the present end of each partition, batch by batch."""
    consumer.assign(list(starts))
    for partition, offset in starts.items():
        consumer.seek(partition, offset)
    ends = consumer.end_offsets(list(starts))
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for partition, letters in consumer.poll(timeout_ms=500).items():
            wanted = [letter for letter in letters if letter.offset < ends[partition]]
            if wanted:
                yield wanted
