"""What a sink has refused in a batch that came to nothing."""

from __future__ import annotations

from consumer.errors import InvalidMessage
from consumer.kafka.record import Record
from consumer.kafka.record_notes import RecordNotes


class Refusals(RecordNotes[InvalidMessage]):
    """Remembers them until they are dead letters: the next attempt asks the sink no more.

    Within a transaction it must not be asked again: a refusal by the broker ends the transaction,
    and the dead letter that follows from it belongs into another.
    """

    def check(self, record: Record) -> None:
        """Raise what is remembered of this record."""
        if refusal := self.find(record):
            raise refusal
