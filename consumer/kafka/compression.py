"""Kafka's codecs, which never inflate to more bytes than are allowed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cramjam
from kafka.errors import UnsupportedCodecError

_LEAST = 65_536
_GROWS = 4
_FULL = "failed to write whole buffer"  # what cramjam says when the output has no room left
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16  # the magic, a version and the oldest version that can read it


class TooLargeError(ValueError):
    """There is more than was allowed."""

    def __init__(self, most: int) -> None:
        """Name the setting to raise."""
        super().__init__(f"inflates to more than CONSUMER_MAX_BATCH_BYTES={most}")


def decompress(codec: int, data: memoryview, most: int) -> bytearray:
    """Return the content, at most that many bytes; raise TooLargeError or what the codec raises.

    A few hundred bytes can inflate to gigabytes. The output is a buffer of a size that is known
    before anything is written to it, so no input makes it larger.
    """
    if codec not in CODECS:
        message = f"compression type {codec}"
        raise UnsupportedCodecError(message)
    return CODECS[codec](data, most)


def _fill(library: Any, data: memoryview, most: int) -> bytearray:  # noqa: ANN401  of cramjam
    """Decompress into a buffer, into a larger one where that is too small, up to the largest.

    Most frames do not say how long their content is, and one that does may lie. Each buffer is
    four times the one before: all attempts together cost little more than the last.
    """
    size = min(max(_GROWS * len(data), _LEAST), most)
    while True:
        content = bytearray(size)
        try:
            written = library.decompress_into(data, content)
        except cramjam.DecompressionError as error:
            if size == most and str(error) == _FULL:
                raise TooLargeError(most) from error
            if size == most:
                raise
        else:
            del content[written:]
            return content
        size = min(size * _GROWS, most)


def _unsnap(data: memoryview, most: int) -> bytearray:
    """Decompress one block, or those of the stream format that Java's clients write."""
    if data[: len(_XERIAL)] != _XERIAL:
        return _unsnap_block(data, most)
    content, rest = bytearray(), data[_XERIAL_HEADER:]
    while rest:
        size = int.from_bytes(rest[:4], signed=True)
        if not 0 < size <= len(rest) - 4:
            message = f"a snappy block of {size} bytes, with {len(rest)} left"
            raise ValueError(message)
        content += _unsnap_block(rest[4 : 4 + size], most, len(content))
        rest = rest[4 + size :]
    return content


def _unsnap_block(block: memoryview, most: int, before: int = 0) -> bytearray:
    """Decompress a block, whose first bytes are the length of its content, and bind."""
    size = cramjam.snappy.decompress_raw_len(block)
    if before + size > most:
        raise TooLargeError(most)
    content = bytearray(size)
    cramjam.snappy.decompress_raw_into(block, content)
    return content


# by the number that stands in a batch's attributes
CODECS: dict[int, Callable[[memoryview, int], bytearray]] = {
    1: partial(_fill, cramjam.gzip),
    2: _unsnap,
    3: partial(_fill, cramjam.lz4),
    4: partial(_fill, cramjam.zstd),
}
