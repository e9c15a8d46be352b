"""What lies on a broker's disk, and harm done to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_LENGTH, _BEFORE_REST = slice(8, 12), 12


def segment(data: Path, topic: str, partition: int) -> Path:
    """Return the first segment of a partition of the broker whose data lie there."""
    (file,) = data.rglob(f"{topic}-{partition}/{0:020}.log")
    return file


def flip_byte(file: Path, batch: int, at: int) -> bytes:
    """Change one byte of a batch, `at` counted as in a slice, and return the batch as it is now."""
    begin, end = [*_batches(file.read_bytes())][batch]
    place = (begin if at >= 0 else end) + at
    with file.open("r+b") as log:
        log.seek(place)
        (byte,) = log.read(1)
        log.seek(place)
        log.write(bytes([byte ^ 0xFF]))
    return file.read_bytes()[begin:end]


def _batches(data: bytes) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin < len(data.rstrip(b"\x00")):
        end = begin + _BEFORE_REST + int.from_bytes(data[begin:][_LENGTH])
        yield begin, end
        begin = end
