"""A stand-in for AbortableProducer that acknowledges, fails, or keeps silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError


@dataclass(frozen=True)
class Sent:
    """A record handed to the producer."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    beside: tuple[str, int] | None = None

    def header(self, name: str) -> str:
        """Return the one header of that name as text."""
        (value,) = (value for key, value in self.headers if key == name)
        return value.decode("utf-8")


class FakeProduced:
    """The future of one record."""

    def __init__(self, error: KafkaError | None) -> None:
        self.error = error
        self.done = False
        self.silent = False
        self.waited_s: list[float] = []

    @property
    def is_done(self) -> bool:
        """Whether its end is known; only a silent one's is not."""
        return not self.silent

    def succeeded(self) -> bool:
        """Say whether it is known to be acknowledged; before the wait only where a test says so."""
        return self.done

    def get(self, timeout: float) -> None:
        """Return when acknowledged, else raise."""
        self.waited_s.append(timeout)
        if self.silent:
            raise KafkaTimeoutError("Timeout")
        if self.error is not None:
            raise self.error


class FakeProducer:
    """Keeps what is sent.

    `failing` is asked for each record what its future fails with, `refusing` what `send` raises;
    None is success.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.acknowledged: list[Sent] = []
        self.futures: list[FakeProduced] = []
        self.failing: Callable[[Sent], KafkaError | None] = lambda _sent: None
        self.refusing: Callable[[Sent], KafkaError | None] = lambda _sent: None
        self.away: set[str] = set()
        self.wedged = False
        self.hurried = 0
        self.ended: list[str] = []

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        beside: tuple[str, int] | None = None,
    ) -> FakeProduced:
        """Keep the record, under the conditions that kafka-python makes."""
        assert key is not None or value is not None, "kafka-python sends no empty record"
        assert all(isinstance(content, bytes) for _, content in headers)
        if self.ended:
            raise IllegalStateError("closed")
        sent = Sent(topic, key, value, headers, beside)
        if error := self.refusing(sent):
            raise error
        self.sent.append(sent)
        error = self.failing(sent)
        if error is None:
            self.acknowledged.append(sent)
        self.futures.append(FakeProduced(error))
        return self.futures[-1]

    def is_away(self, topic: str) -> bool:
        """Say whether a test has taken the topic away."""
        return topic in self.away

    @contextmanager
    def expedited(self) -> Iterator[None]:
        """Note that somebody waits."""
        self.hurried += 1
        yield

    def close(self, timeout: float | None = None) -> None:
        """Stop, or time out where something stays pending for good."""
        assert timeout is not None
        if self.wedged:
            raise KafkaTimeoutError
        self.ended.append("closed")

    def force_close(self) -> None:
        """Stop at once."""
        self.ended.append("dropped")

    def to(self, topic: str) -> list[Sent]:
        """Return what a topic has acknowledged."""
        return [sent for sent in self.acknowledged if sent.topic == topic]
