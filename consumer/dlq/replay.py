"""Putting dead letters back, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kafka.structs import OffsetAndMetadata, TopicPartition

from consumer.dlq.letter import is_whole
from consumer.dlq.reader import origin, read, replay_header, restore_headers
from consumer.errors import Reason
from consumer.kafka.limits import batch_bytes
from consumer.kafka.record import Record, header

REPLAYED, WITHOUT_VALUE, TOO_LARGE = "replayed", "without_value", "too_large"
UNREADABLE = Reason.UNREADABLE.value
OUTCOMES = (REPLAYED, WITHOUT_VALUE, TOO_LARGE, UNREADABLE)


class Replay:
    """Sends letters back to the topic they came from.

    How far it has come is kept in Kafka under a group of its own, in the same transaction as the
    records: whether it is run twice, or dies in between, no letter goes back a second time. What
    cannot go back is left out, and counted: a letter that lacks a part of its record, one that
    stands for what could not be read, and one that the topic does not take, as when only its
    compression made it small enough.
    """

    def __init__(self, producer: Any, topic: str, limit: int, group: str) -> None:  # noqa: ANN401  kafka-python ships no types
        self._producer = producer
        self._topic = topic
        self._limit = limit
        self._group = group
        self._seen: set[tuple[bytes, ...]] = set()

    def run(self, consumer: Any, partitions: Sequence[TopicPartition]) -> Counter[str]:  # noqa: ANN401  the same
        """Put back what was not put back before, and return how many letters had each outcome."""
        self._producer.init_transactions()
        beginnings = consumer.beginning_offsets(list(partitions))
        starts = {tp: max(consumer.committed(tp) or 0, beginnings[tp]) for tp in partitions}
        outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        for letters in read(consumer, starts):
            outcomes.update(self._put_back(letters))
        return outcomes

    def _put_back(self, letters: Sequence[Record]) -> Counter[str]:
        self._producer.begin_transaction()
        try:
            outcomes = Counter(map(self._send, self._not_yet_put_back(letters)))
            last = letters[-1]
            partition = TopicPartition(last.topic, last.partition)
            done = {partition: OffsetAndMetadata(last.offset + 1, "", last.leader_epoch)}
            self._producer.send_offsets_to_transaction(done, self._group)
        except BaseException:
            self._producer.abort_transaction()
            raise
        self._producer.commit_transaction()
        return outcomes

    def _not_yet_put_back(self, letters: Sequence[Record]) -> Iterator[Record]:
        return (letter for letter in letters if origin(letter) not in self._seen)

    def _send(self, letter: Record) -> str:
        if header(letter, "dlq-reason") == UNREADABLE.encode():
            return UNREADABLE
        if not is_whole(letter.headers):
            return WITHOUT_VALUE
        headers = restore_headers(letter)
        marked = [*headers, replay_header(letter)]
        if batch_bytes(letter.key, letter.value, marked) > self._limit:
            marked = headers  # the record fitted by a few bytes: better unmarked than not put back
        if batch_bytes(letter.key, letter.value, marked) > self._limit:
            return TOO_LARGE
        self._producer.send(self._topic, key=letter.key, value=letter.value, headers=marked)
        self._seen.add(origin(letter))
        return REPLAYED
