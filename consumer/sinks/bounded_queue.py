"""Decisions that wait for a sink's thread: never more than so many, and so many bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from consumer.sinks.delivery import Delivery


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

    def stop(self) -> int:
        """Close, forget all that has not ended, and return how many that were."""
        with self._changed:
            self._closed = True
            left = len(self)
            self._waiting.clear()
            self._in_hand.clear()
            self._bytes = 0
        return left

    def _fits(self, delivery: Delivery) -> bool:
        # one that is larger than all the room there is has the queue for itself
        size = self._bytes + delivery.size
        return not len(self) or (len(self) < self._most and size <= self._most_bytes)
