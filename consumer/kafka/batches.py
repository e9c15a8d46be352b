"""The batches that Kafka sends, as bytes: what they say of themselves, and what is certain."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch

from consumer.kafka.compression import decompress

_HEADER = DefaultRecordBatch.HEADER_STRUCT.size
_BEFORE_LENGTH, _BEFORE_REST = 8, DefaultRecordBatch.AFTER_LEN_OFFSET
_FORMAT = 2  # what every broker since 0.11 writes


@dataclass(frozen=True)
class BatchFacts:
    """What is known of a batch that cannot be read; `last` is None where nothing is certain."""

    first: int = -1
    last: int | None = None
    timestamp_ms: int = -1
    leader_epoch: int = -1
    size: int = 0
    sha256: str = ""


class Batch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python ships no types
    """A batch of records that inflates to no more than it may.

    kafka-python 3.0.12 has gzip alone out of the box, and sets no bound.
    """

    _buffer: bytearray
    _pos: int
    _decompressed: bool

    def __init__(self, data: memoryview, most_bytes: int) -> None:
        super().__init__(data)
        self._most_bytes = most_bytes

    def _maybe_uncompress(self) -> None:
        if not self._decompressed and self.compression_type:
            content = memoryview(self._buffer)[self._pos :]
            self._buffer = decompress(self.compression_type, content, self._most_bytes)
            self._pos = 0
        self._decompressed = True


class Batches:
    """Batches of one partition in an answer to a fetch, in order.

    It stands in for kafka-python's MemoryRecords, which believes what a broken header says: lengths
    below zero, formats that are none, offsets that lead backwards.
    """

    def __init__(self, data: bytes, position: int, most_bytes: int) -> None:
        """Take the answer, the offset that was asked for, and what one batch may inflate to."""
        self._data = memoryview(data)
        self._expected = position
        self._most_bytes = most_bytes
        self._next = 0
        # until its length is known, all that is left may belong to a batch
        self._begin, self._end = 0, len(data)
        self.log_end: int | None = None  # the first offset that does not exist so far

    def next_batch(self) -> Batch | None:
        """Return the next that is here as a whole; raise CorruptRecordError where that is none."""
        self._begin, self._end = self._next, len(self._data)
        size = self._size(self._begin)
        if size is None:
            return None
        if size < _HEADER:
            message = f"a batch of {size} bytes"
            raise CorruptRecordError(message)
        self._next = self._end = self._begin + size
        batch = Batch(self._data[self._begin : self._end], self._most_bytes)
        self._check(batch)
        self._expected = batch.next_offset
        return batch

    def facts(self, position: int) -> BatchFacts:
        """Return what can be had of the batch that `next_batch` came to last.

        `position` is the first offset that could not be read.
        """
        data = self._data[self._begin : self._end]
        size, digest = len(data), sha256(data).hexdigest() if data else ""
        header = DefaultRecordBatch(data) if size >= _HEADER else None
        last = self._last_offset(header, position)
        if header is None or last != header.last_offset:
            return BatchFacts(position, last, size=size, sha256=digest)
        first, epoch = header.base_offset, header.leader_epoch
        return BatchFacts(first, last, header.max_timestamp, epoch, size, digest)

    def _size(self, begin: int) -> int | None:
        """Return the size of the batch that begins there, None when the answer ends before it."""
        rest = len(self._data) - begin
        if rest < _HEADER:
            return None
        length = self._data[begin + _BEFORE_LENGTH : begin + _BEFORE_REST]
        size = _BEFORE_REST + int.from_bytes(length, signed=True)
        return None if size > rest else size

    def _check(self, batch: Batch) -> None:
        if batch.magic != _FORMAT:
            message = f"record format {batch.magic}"
            raise CorruptRecordError(message)
        if batch.last_offset_delta < 0 or batch.last_offset < self._expected:
            message = f"offsets {batch.base_offset} to {batch.last_offset} at {self._expected}"
            raise CorruptRecordError(message)

    def _last_offset(self, header: DefaultRecordBatch | None, position: int) -> int | None:
        """Return the last offset of a broken batch where two witnesses agree on it.

        The checksum vouches for what the batch itself says. Without it the batch behind vouches,
        which has a checksum of its own, or the end of the log where there is none behind.
        """
        claimed: int | None = None if header is None else header.last_offset
        follower = self._follower()
        if follower is not None:
            last: int = follower.base_offset - 1
            whole = header is not None and header.validate_crc()
            if whole and claimed is not None and position <= claimed <= last:
                return claimed
            return last if position <= last else None
        if header is None or claimed is None or claimed < position:
            return None
        at_end = self.log_end is not None and claimed + 1 == self.log_end
        within = header.base_offset <= position and not self._behind_end(claimed)
        return claimed if at_end or (within and header.validate_crc()) else None

    def _behind_end(self, offset: int) -> bool:
        return self.log_end is not None and offset >= self.log_end

    def _follower(self) -> DefaultRecordBatch | None:
        """Return the batch behind, when it is here, whole and sound."""
        size = self._size(self._end)
        if size is None or size < _HEADER:
            return None
        batch = DefaultRecordBatch(self._data[self._end : self._end + size])
        sound = batch.magic == _FORMAT and batch.validate_crc()
        return batch if sound and not self._behind_end(batch.base_offset) else None
