"""A sink in memory that can be unavailable and can refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from consumer.bidding.decision_record import DecisionRecord

Failing = Callable[[DecisionRecord], Exception | None]


def never(_decided: DecisionRecord) -> Exception | None:
    return None


@dataclass
class FakeSink:
    """Keeps decisions; `at_submit` and `at_wait` say what is raised for one, None is success."""

    at_submit: Failing = never
    at_wait: Failing = never
    name: str = "fake"
    submitted: list[DecisionRecord] = field(default_factory=list)
    acknowledged: list[DecisionRecord] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    def submit(self, decided: DecisionRecord) -> FakeAcknowledgement:
        if error := self.at_submit(decided):
            raise error
        self.submitted.append(decided)
        return FakeAcknowledgement(self, decided)

    def close(self) -> None:
        """Do nothing."""

    def offsets(self) -> list[int]:
        """Return the offsets of the requests whose decisions it acknowledged."""
        return [decided.record.offset for decided in self.acknowledged]


@dataclass(frozen=True)
class FakeAcknowledgement:
    """What FakeSink returns."""

    sink: FakeSink
    decided: DecisionRecord

    def wait(self, seconds: float) -> None:
        self.sink.waited_s.append(seconds)
        if error := self.sink.at_wait(self.decided):
            raise error
        self.sink.acknowledged.append(self.decided)
