"""Where decisions go beside Kafka: each sink in its thread, begun and ended together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.runtime import Clock
from consumer.sinks.dropping import DroppingSink
from consumer.sinks.durable import DurableSink
from consumer.sinks.threaded import Threaded


@dataclass(frozen=True)
class Sinks:
    """The sinks of one service; `kafka` says whether the topic of decisions is one of them."""

    writes_to_kafka: bool = True
    durable: Sequence[DurableSink] = ()
    dropping: Sequence[DroppingSink] = ()

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads():
            thread.start()

    def drain(self, seconds: float, clock: Clock) -> None:
        """Deliver what is there, within `seconds` in all; what is left then is counted."""
        end = clock.monotonic() + seconds
        for thread in self._threads():
            thread.close()
        left = {
            thread.name: thread.stop(max(end - clock.monotonic(), 0)) for thread in self._threads()
        }
        for sink in self.dropping:
            sink.note_left(left[sink.thread.name])

    def _threads(self) -> list[Threaded]:
        return [
            *(sink.thread for sink in self.durable),
            *(sink.thread for sink in self.dropping),
        ]
