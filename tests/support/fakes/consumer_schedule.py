"""What can happen to the bidding logic, one step at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from consumer.kafka.batches import BatchFacts
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_troubled import TroubledService


@dataclass(frozen=True)
class Round:
    """Let time pass, then go round the poll loop."""

    after_s: float

    def on(self, it: TroubledService) -> None:
        """Do so."""
        it.service.time.sleep(self.after_s)
        it.service.go_round()


@dataclass(frozen=True)
class Produce:
    """Append to the log of a partition what its kinds say."""

    number: int
    kinds: Collection[str]

    def on(self, it: TroubledService) -> None:
        """Do so; the offsets make the ids unique."""
        for kind in self.kinds:
            end = len(it.source.log[partition(self.number)])
            name = f'{{"id":"{kind}-{self.number}-{end}"}}'.encode()
            it.source.add(b"rubbish" if kind == "rubbish" else name, self.number)
            at = partition(self.number), end
            if kind == "gap":
                it.source.gaps.add(at)
            if kind in {"unreadable", "damaged"}:
                last = end if kind == "damaged" else None
                it.source.unreadable[at] = BatchFacts(end, last)


@dataclass(frozen=True)
class Trouble:
    """Let the next attempts at something end like this, None being success."""

    at: str
    ends: Collection[type[Exception] | None]

    def on(self, it: TroubledService) -> None:
        """Do so."""
        it.troubles[self.at] += [end if end is None else end("made up") for end in self.ends]


@dataclass(frozen=True)
class Away:
    """Let nothing be written that belongs to records of these partitions, and of no others."""

    numbers: Collection[int]

    def on(self, it: TroubledService) -> None:
        """Do so."""
        it.away = {*self.numbers}


@dataclass(frozen=True)
class Slow:
    """Let the next decisions take this long."""

    each_s: Collection[float]

    def on(self, it: TroubledService) -> None:
        """Do so."""
        it.slow_s += self.each_s


@dataclass(frozen=True)
class Rebalance:
    """Let the next poll hear that these partitions are this member's."""

    numbers: Collection[int]
    eager: bool
    lost: bool

    def on(self, it: TroubledService) -> None:
        """Do so."""
        it.source.eager, it.source.lost = self.eager, self.lost
        it.source.rebalance([partition(number) for number in self.numbers])


@dataclass(frozen=True)
class Mend:
    """Make everything readable."""

    def on(self, it: TroubledService) -> None:
        """Do so."""
        it.source.unreadable.clear()


@dataclass(frozen=True)
class Restart:
    """Stop the service and start another."""

    def on(self, it: TroubledService) -> None:
        """Do so."""
        it.restart()


Step = Round | Produce | Trouble | Away | Slow | Rebalance | Mend | Restart
