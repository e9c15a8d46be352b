"""A stand-in for what Kafka knows of a group."""

from __future__ import annotations

from collections.abc import Mapping

from kafka.errors import KafkaError

from consumer.kafka.lag import Offsets


class FakeGroupOffsets:
    """Answers from its attributes; raises `error` while there is one."""

    def __init__(self, partitions: Mapping[int, Offsets]) -> None:
        self.partitions = dict(partitions)
        self.timestamps: dict[tuple[int, int], int] = {}
        self.error: KafkaError | None = None
        self.asked: list[tuple[int, int]] = []
        self.closed = 0

    def read(self) -> Mapping[int, Offsets]:
        if self.error is not None:
            raise self.error
        return self.partitions

    def timestamp_ms(self, partition: int, offset: int) -> int | None:
        self.asked.append((partition, offset))
        return self.timestamps.get((partition, offset))

    def close(self) -> None:
        self.closed += 1
