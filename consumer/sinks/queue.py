"""Decisions that wait for a sink's thread: never more than so many, and so many bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import SinkBackpressureError


@dataclass(eq=False)
class Delivery:
    """One decision, and what became of it; ended by one thread, waited for by another."""

    decided: DecisionRecord
    error: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> int:
        """Bytes of the request and the decision, which are kept while it waits."""
        return len(self.decided.record.value or b"") + len(self.decided.value)

    def end(self, error: Exception | None) -> None:
        """Say that it was delivered, or why it was not."""
        self.error = error
        self.over.set()

    def wait(self, seconds: float) -> None:
        """Do what `Acknowledgement.wait` does."""
        if not self.over.wait(seconds):
            raise SinkBackpressureError("has not delivered in time")
        if self.error is not None:
            raise self.error


class BoundedQueue:
    """Filled by one thread and emptied by another; what is taken keeps its place until it ends."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: deque[Delivery] = deque()
        self._in_hand: dict[Delivery, None] = {}
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """Return how many have not ended."""
        with self._changed:
            return len(self._waiting) + len(self._in_hand)

    def put(self, delivery: Delivery, seconds: float = 0) -> bool:
        """Add a delivery, or return False when there is no room for it within `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(delivery), seconds)
            if self._closed or not self._fits(delivery):
                return False
            self._waiting.append(delivery)
            self._bytes += delivery.size
            self._changed.notify_all()
        return True

    def take(self, most: int) -> Sequence[Delivery]:
        """Wait for deliveries and take up to `most`; none when it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._in_hand.update(dict.fromkeys(taken))
            return taken

    def end(self, delivery: Delivery, error: Exception | None) -> bool:
        """End a delivery that was taken and give its place away; False when it had ended before."""
        with self._changed:
            if delivery not in self._in_hand:
                return False
            del self._in_hand[delivery]
            self._bytes -= delivery.size
            self._changed.notify_all()
        delivery.end(error)
        return True

    def close(self) -> None:
        """Take nothing more in; what is there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> int:
        """Drop all that has not ended, and return how many that were."""
        with self._changed:
            left = len(self)
            self._waiting.clear()
            self._in_hand.clear()
            self._bytes = 0
        return left

    def _fits(self, delivery: Delivery) -> bool:
        # one that is larger than all the room there is has the queue for itself
        size = self._bytes + delivery.size
        return not len(self) or (len(self) < self._most and size <= self._most_bytes)
