"""What a sink has refused in a batch that came to nothing."""

from __future__ import annotations

from collections import OrderedDict

from consumer.errors import UnprocessableError
from consumer.kafka.record import Place, Record, place


class Refusals:
    """Remembers them until they are dead letters: the next attempt asks the sink no more.

    Within a transaction it must not be asked again: a refusal by the broker ends the transaction,
    and the dead letter that follows from it belongs into another.
    """

    def __init__(self, most: int = 10_000) -> None:
        """Begin with none."""
        self._most = most
        self._kept: OrderedDict[Place, UnprocessableError] = OrderedDict()

    def keep(self, record: Record, refusal: UnprocessableError) -> None:
        """Remember why a record was refused."""
        self._kept[place(record)] = refusal
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def check(self, record: Record) -> None:
        """Raise what is remembered of this record."""
        if self._kept and (refusal := self._kept.get(place(record))):
            raise refusal

    def drop(self, record: Record) -> None:
        """Forget a record that has become a dead letter."""
        if self._kept:
            self._kept.pop(place(record), None)
