"""Putting dead letters back, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kafka.structs import OffsetAndMetadata, TopicPartition

from consumer.dlq.reader import origin, read, restored_headers
from consumer.errors import Reason
from consumer.kafka.record import Record, header


class Replay:
    """Sends letters back to the topic they came from.

    How far it has come is kept in Kafka under a group of its own, in the same transaction as the
    records: whether it is run twice, or dies in between, no letter goes back a second time. Letters
    about what could not be read have no bytes to put back: they are `left_out`, and counted.
    """

    def __init__(self, producer: Any, topic: str, group: str) -> None:  # noqa: ANN401  kafka-python ships no types
        """Take a transactional producer, the topic to write to, and the group."""
        self._producer = producer
        self._topic = topic
        self._group = group
        self.left_out = 0
        self._seen: set[tuple[bytes, ...]] = set()

    def run(self, consumer: Any, partitions: Sequence[TopicPartition]) -> int:  # noqa: ANN401  the same
        """Put back what was not put back before, and return how many records that were."""
        self._producer.init_transactions()
        beginnings = consumer.beginning_offsets(list(partitions))
        starts = {tp: max(consumer.committed(tp) or 0, beginnings[tp]) for tp in partitions}
        return sum(self._put_back(letters) for letters in read(consumer, starts))

    def _put_back(self, letters: Sequence[Record]) -> int:
        self._producer.begin_transaction()
        try:
            count = sum(self._send(letter) for letter in letters)
            last = letters[-1]
            partition = TopicPartition(last.topic, last.partition)
            done = {partition: OffsetAndMetadata(last.offset + 1, "", last.leader_epoch)}
            self._producer.send_offsets_to_transaction(done, self._group)
        except BaseException:
            self._producer.abort_transaction()
            raise
        self._producer.commit_transaction()
        return count

    def _send(self, letter: Record) -> bool:
        if origin(letter) in self._seen:
            return False
        self._seen.add(origin(letter))
        if header(letter, "dlq-reason") == Reason.UNREADABLE.encode():
            self.left_out += 1
            return False
        self._producer.send(
            self._topic, key=letter.key, value=letter.value, headers=restored_headers(letter)
        )
        return True
