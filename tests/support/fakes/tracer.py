"""A tracer that keeps what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.tracing import Attributes, Operation


@dataclass
class FakeSpan:
    """One span; `ended` is None while it lasts."""

    started: tuple[Operation, str, str | None]
    traceparent: str | None
    finished: list[FakeSpan] = field(default_factory=list, repr=False)
    ended: tuple[Attributes, str] | None = None

    def end(self, attributes: Attributes, error: str = "") -> None:
        self.ended = (attributes, error)
        self.finished.append(self)


@dataclass
class FakeTracer:
    """Gives each span a traceparent of its own; `finished` are those that ended, in that order."""

    spans: list[FakeSpan] = field(default_factory=list)
    finished: list[FakeSpan] = field(default_factory=list)
    closed_with: float | None = None

    def start(self, operation: Operation, topic: str, parent: str | None) -> FakeSpan:
        traceparent = f"00-{'a' * 32}-{len(self.spans):016x}-01"
        self.spans.append(FakeSpan((operation, topic, parent), traceparent, self.finished))
        return self.spans[-1]

    def close(self, seconds: float) -> None:
        self.closed_with = seconds
