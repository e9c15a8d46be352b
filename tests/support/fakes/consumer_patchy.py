"""A topic as it can come to lie on a broker's disk, read by one of several members."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kafka.structs import TopicPartition

from consumer.kafka.batches import BatchFacts
from consumer.kafka.reading import UnreadableError
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer


class PatchyKafkaConsumer(FakeKafkaConsumer):
    """Has offsets without a record, records that cannot be read, and rebalances of both kinds.

    `gaps` are passed over as compaction and the ends of transactions are, `unreadable` says by
    partition and offset what is known of the batch there. A rebalance that is not `eager` takes
    what goes and leaves the rest as it is; `lost` says that the group gave it away beforehand.
    """

    def __init__(self, partitions: int, max_poll_records: int) -> None:
        super().__init__(partitions, max_poll_records)
        self.max_poll_records = max_poll_records
        self.gaps: set[tuple[TopicPartition, int]] = set()
        self.unreadable: dict[tuple[TopicPartition, int], BatchFacts] = {}
        self.eager = self.lost = False

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """The next offset of each partition that is assigned."""
        return self._positions

    def offsets(self, tp: TopicPartition, begin: int, end: int) -> set[int]:
        """Return the offsets from `begin` to before `end` that hold a record."""
        return {offset for offset in range(begin, end) if (tp, offset) not in self.gaps}

    def leave(self) -> None:
        """Forget all that a process forgets when it ends."""
        self.paused.clear()
        self._positions.clear()

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Any]]:
        """Poll the partitions in turn; raise where nothing comes before what cannot be read."""
        assert timeout_ms > 0
        self.polls += 1
        if self.poll_errors:
            raise self.poll_errors.pop(0)
        self._join()
        polled: dict[TopicPartition, Sequence[Any]] = {}
        left = self.max_poll_records
        for tp in self._in_turn():
            if records := self._read(tp, left, alone=not polled):
                polled[tp] = records
                left -= len(records)
        if not polled:
            self.sleep(timeout_ms / 1000)
        return polled

    def _in_turn(self) -> Sequence[TopicPartition]:
        mine = [tp for tp in sorted(self._positions) if tp not in self.paused]
        first = self.polls % max(len(mine), 1)
        return mine[first:] + mine[:first]

    def _read(self, tp: TopicPartition, most: int, *, alone: bool) -> Sequence[Any]:
        records: list[Any] = []
        position = self._positions[tp]
        while position < len(self.log[tp]) and len(records) < most:
            if facts := self.unreadable.get((tp, position)):
                if alone and not records:
                    self._positions[tp] = position
                    raise UnreadableError(tp, position, ValueError("made up"), facts)
                break
            if (tp, position) not in self.gaps:
                records.append(self.log[tp][position])
            position += 1
        self._positions[tp] = position
        return records

    def _join(self) -> None:
        if self._next_assignment is None or self._listener is None:
            return
        self.generation += 1
        if self.eager:
            super()._join()
            return
        to_be: Collection[TopicPartition] = set(self._next_assignment)
        self._next_assignment = None
        gone, new = self._positions.keys() - to_be, to_be - self._positions.keys()
        tell = (
            self._listener.on_partitions_lost if self.lost else self._listener.on_partitions_revoked
        )
        tell(gone)
        self.paused -= gone
        kept = {tp: at for tp, at in self._positions.items() if tp in to_be}
        self._positions = kept | {tp: self.committed.get(tp, 0) for tp in new}
        self._listener.on_partitions_assigned(new)
