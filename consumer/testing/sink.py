"""The contract of a sink, as a test suite."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from consumer.sinks.sink import Sink
from consumer.testing.samples import decisions

_SECONDS = 10


class SinkContract(ABC):
    """Derive a class `Test...` from this and say how your sink is made and read; pytest runs it.

    Sinks are made one at a time, and all of them write to the same place.
    """

    @abstractmethod
    def make(self) -> Sink:
        """Return a new sink."""

    @abstractmethod
    def delivered(self) -> Sequence[str]:
        """Return the ids of the requests whose decisions were delivered, in their order."""

    def test_its_name_can_be_a_label(self) -> None:
        """The name stands in logs and metrics."""
        with self._make_and_check() as sink:
            assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", sink.name), f"not a name: {sink.name!r}"

    def test_what_is_acknowledged_is_delivered(self) -> None:
        """Each decision is there at the moment that its wait returns."""
        with self._make_and_check() as sink:
            for count, decided in enumerate(decisions(), start=1):
                sink.submit(decided).wait(_SECONDS)
                assert len(self.delivered()) == count, f"{decided.request.id!r} is not there"

    def test_many_can_be_underway(self) -> None:
        """Submitting does not depend on waiting, and the order stays."""
        with self._make_and_check() as sink:
            for acknowledgement in [sink.submit(decided) for decided in decisions()]:
                acknowledgement.wait(_SECONDS)
        wanted = [decided.request.id for decided in decisions()]
        assert [*self.delivered()] == wanted, "expected them in the order of submission"

    def test_an_acknowledgement_can_be_waited_for_again(self) -> None:
        """A delivery stays one, and takes no more time."""
        with self._make_and_check() as sink:
            acknowledgement = sink.submit(decisions()[0])
            acknowledgement.wait(_SECONDS)
            acknowledgement.wait(0)
            assert len(self.delivered()) == 1, "waiting again delivered again"

    def test_a_decision_can_come_again(self) -> None:
        """After a crash or a rebalance it does, and delivering it twice is no mistake."""
        decided = decisions()[0]
        for _ in range(2):
            with self._make_and_check() as sink:
                sink.submit(decided).wait(_SECONDS)
        assert {*self.delivered()} == {decided.request.id}, "lost, or turned into another"

    @contextmanager
    def _make_and_check(self) -> Iterator[Sink]:
        sink = self.make()
        try:
            yield sink
        finally:
            sink.close()
