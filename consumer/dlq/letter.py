"""A dead letter: its parts, and those that are left out where not all of it fits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from consumer.errors import InvalidMessage
from consumer.kafka.publisher import Headers
from consumer.kafka.record import Record, UnreadableBatch

PREFIX = "dlq-"
REPLAYED = "dlq-replayed"
# What a letter says in place of what was left out of it.
LEFT_OUT = ("dlq-value-bytes", "dlq-headers-bytes", "dlq-key-bytes", "dlq-batch-bytes")
FORMS = 4
SMALLEST_BYTES = 2_048  # of a topic that takes every letter in its last form
_LONGEST_ERROR = 500  # bytes: a header is for reading, not for the whole record


class Letter(NamedTuple):
    """A dead letter as a record of Kafka."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def forms(record: Record, error: InvalidMessage) -> Iterator[Letter]:
    """Yield the letter of a record, then what is left of it where the one before does not fit.

    First the value goes, then the headers, then the key. The last form takes less than
    SMALLEST_BYTES, whatever the record is. No `dlq-` header of the record's own is kept but the
    one of its replay: they would pile up, and tell of another letter.
    """
    headers, about = _own_headers(record), _about(record, error)
    # kafka-python sends no record that has neither key nor value
    value = b"" if record.key is None and record.value is None else record.value
    yield Letter(record.key, value, headers + about)
    if value:
        about += _encode({LEFT_OUT[0]: str(len(value)), "dlq-value-sha256": _sha256(value)})
    yield Letter(record.key, b"", headers + about)
    size = sum(len(name.encode()) + len(content) for name, content in headers)
    about += _encode({LEFT_OUT[1]: str(size)})
    yield Letter(record.key, b"", [*about])
    about += _encode({LEFT_OUT[2]: str(len(record.key or b""))})
    yield Letter(None, b"", about)


def is_whole(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Return whether a letter's headers tell of nothing left out, so that it can be put back."""
    return not any(name in LEFT_OUT for name, _ in headers)


def _own_headers(record: Record) -> Headers:
    return [
        (name, content or b"")
        for name, content in record.headers
        if name == REPLAYED or not name.startswith(PREFIX)
    ]


def _about(record: Record, error: InvalidMessage) -> Headers:
    said = {
        "dlq-reason": error.reason.value,
        "dlq-stage": error.stage.value,
        "dlq-error": _shorten(str(error)),
        "dlq-topic": record.topic,
        "dlq-partition": str(record.partition),
        "dlq-offset": str(record.offset),
        "dlq-timestamp": str(record.timestamp),
    }
    # what could be had of a batch stands in place of all that a record has
    batch = record.headers if isinstance(record, UnreadableBatch) else ()
    return _encode(said) + [(name, content or b"") for name, content in batch]


def _shorten(text: str) -> str:
    escaped = text[:_LONGEST_ERROR].encode("utf-8", "backslashreplace")
    return escaped[:_LONGEST_ERROR].decode("utf-8", "ignore")


def _sha256(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def _encode(said: Mapping[str, str]) -> Headers:
    return [(name, text.encode("utf-8", "backslashreplace")) for name, text in said.items()]
