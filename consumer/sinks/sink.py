"""The interface of sinks."""

from __future__ import annotations

from typing import Protocol

from consumer.bidding.decision_record import DecisionRecord


class Acknowledgement(Protocol):
    """The promise of an effect that has begun."""

    def wait(self, seconds: float) -> None:
        """Return once the effect is durable, however often it is called.

        Raise SinkBackpressureError when it is not within `seconds`, MessageRejected when it never
        will be. An effect that was not acknowledged may still happen later.
        """


class Done:
    """The acknowledgement of what has been done already."""

    def wait(self, _seconds: float) -> None:
        """Return."""


class Sink(Protocol):
    """Takes decisions, from one thread.

    Decisions of one partition are submitted in the order of their requests. A decision may be
    submitted again, also one that was acknowledged: offsets are committed only after every sink
    has acknowledged, and a crash can come in between.
    """

    @property
    def name(self) -> str:
        """The name in settings, logs and reasons."""

    def submit(self, decided: DecisionRecord) -> Acknowledgement:
        """Begin to deliver and return without waiting; raise what `Acknowledgement.wait` does."""

    def close(self) -> None:
        """Let go of connections; nothing is submitted afterwards."""
