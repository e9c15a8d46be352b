"""A stand-in for confluent_kafka.Producer whose reports the test decides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException


class FakeLibrdkafka:
    """Acknowledges what is produced when it is polled, fails it with `fails_with`, or keeps it."""

    def __init__(self, fails_with: int | None = None, *, silent: bool = False) -> None:
        """Acknowledge everything unless told otherwise; `fails_with` is an error code."""
        self.fails_with = fails_with
        self.silent = silent
        self.raises: Exception | None = None
        self.topic_error: int | None = None
        self.away = False
        self.produced: list[tuple[str, bytes | None, bytes | None, list[tuple[str, bytes]]]] = []
        self._waiting: list[Callable[[Any, Any], None]] = []
        self._something = threading.Event()
        self._reporting = threading.Lock()

    def produce(
        self,
        topic: str,
        *,
        value: bytes | None,
        key: bytes | None,
        headers: list[tuple[str, bytes]],
        on_delivery: Callable[[Any, Any], None],
    ) -> None:
        """Keep the record, or raise what it was told to."""
        if self.raises is not None:
            raise self.raises
        self.produced.append((topic, key, value, headers))
        self._waiting.append(on_delivery)
        self._something.set()

    def poll(self, timeout: float) -> int:
        """Report what waits."""
        self._something.wait(min(timeout, 0.01))
        self._something.clear()
        if self.silent:
            return 0
        return self._report(None if self.fails_with is None else KafkaError(self.fails_with))

    def flush(self, timeout: float) -> int:
        """Return how many records are left."""
        self.poll(timeout)
        return len(self._waiting)

    def purge(self, *, in_queue: bool, in_flight: bool) -> None:
        """Fail what waits."""
        if in_queue or in_flight:
            self._report(KafkaError(KafkaError._PURGE_QUEUE))  # noqa: SLF001  its name there

    def list_topics(self, topic: str, timeout: float) -> Any:  # noqa: ANN401  as it is there
        """Return three partitions, or fail as it was told to within `timeout`."""
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001  its name there
        error = None if self.topic_error is None else KafkaError(self.topic_error)
        assert timeout > 0
        return SimpleNamespace(
            topics={topic: SimpleNamespace(error=error, partitions={0: "", 1: "", 2: ""})}
        )

    def _report(self, error: KafkaError | None) -> int:
        place = SimpleNamespace(topic=lambda: "bid_requests", partition=lambda: 2, offset=lambda: 7)
        with self._reporting:  # a flush returns once another thread has told all that it took
            waiting, self._waiting = self._waiting, []
            for on_delivery in waiting:
                on_delivery(error, place)
        return len(waiting)
