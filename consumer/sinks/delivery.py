"""A decision on its way through a sink's own thread."""

from __future__ import annotations

import threading
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
