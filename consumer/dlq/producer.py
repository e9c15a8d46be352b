"""The topic for records that cannot be processed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from kafka.structs import TopicPartition

from common.logs import get_logger
from consumer.dlq.letter import FORMS, Letter, forms, is_whole
from consumer.errors import InvalidMessage, MessageRejected, PartitionBackpressureError
from consumer.kafka.publisher import Pending, Publisher
from consumer.kafka.record import Record
from consumer.kafka.record_notes import RecordNotes
from consumer.sinks.sink import Acknowledgement


class DeadLetters:
    """Writes given-up records to a topic: same key, value and headers, plus why and from where.

    A letter that the topic does not take is written without its value, as a last resort without
    headers and key: it says where the record lies, so it is never in the way of those behind it.
    What is known to be too large is never sent. What only the broker refuses is found out when it
    is waited for: the next attempt begins with a smaller form, as a transaction is over with that.
    """

    def __init__(self, publisher: Publisher, topic: str) -> None:
        """Take the publisher, which is shared and closed by its owner, and the topic's name."""
        self._publisher = publisher
        self._topic = topic
        self._refused: RecordNotes[int] = RecordNotes()  # how many forms of a record

    def submit(self, record: Record, error: InvalidMessage) -> Acknowledgement:
        """Begin to write the record; raise SinkBackpressureError when that is not possible."""
        first = self._refused.find(record) or 0
        for number, letter in islice(enumerate(forms(record, error)), first, None):
            try:
                pending = self._publish(letter)
            except MessageRejected as why:
                refusal = why
                continue
            if record.value and not is_whole(letter.headers):
                _warn(record)
            return _Written(self, record, number, pending)
        raise _not_now(refusal) from refusal

    def note_refusal(self, record: Record, number: int) -> None:
        """Remember that the broker has refused a form of the record: the next one is tried."""
        self._refused.keep(record, (number + 1) % FORMS)

    def note_written(self, record: Record) -> None:
        """Forget a record that has its letter."""
        self._refused.drop(record)

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget the records of partitions that are no longer this member's, or are read anew."""
        self._refused.on_revoked(partitions)

    def _publish(self, letter: Letter) -> Pending:
        return self._publisher.publish(self._topic, *letter)


@dataclass(frozen=True)
class _Written:
    """A letter whose acknowledgement is awaited."""

    letters: DeadLetters
    record: Record
    form: int
    pending: Pending

    def wait(self, seconds: float) -> None:
        """Return once it is acknowledged; a refusal is one of this form, and no more than that."""
        try:
            self.pending.wait(seconds)
        except MessageRejected as error:
            self.letters.note_refusal(self.record, self.form)
            raise _not_now(error) from error
        self.letters.note_written(self.record)


def _not_now(refusal: MessageRejected) -> PartitionBackpressureError:
    return PartitionBackpressureError(f"a dead letter is refused: {refusal}")


def _warn(record: Record) -> None:
    get_logger().warning(
        "dead letter without its value",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        bytes=len(record.value or b""),
    )
