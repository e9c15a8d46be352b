"""One steady load that goes on over several checks, each of which answers for a part of it."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import dataclass, replace

from verification.clock import Clock
from verification.traffic.http import Http
from verification.traffic.ledger import Attempt, Ledger, settle
from verification.traffic.steady import SteadyLoad
from verification.traffic.topics import DECISIONS, REQUESTS, Offsets, Record, Topics

RATE = 40.0


@dataclass
class Stream:
    """A load that is being sent, where the topics ended before it, and how far it is judged.

    `judged` counts the requests that a check has answered for: the next check answers for those
    from there on, so that each request is judged once while the load goes on.
    """

    load: SteadyLoad
    prefix: str
    start: Offsets
    judged: int = 0

    def __post_init__(self) -> None:
        """Begin to read where the load begins."""
        self._read_to = copy.deepcopy(self.start)
        self._records: list[Record] = []

    def read_on(self, topics: Topics) -> None:
        """Read the records that have come since the last time."""
        found = topics.read(self._read_to)
        for item in found:
            parts = self._read_to[item.topic]
            parts[str(item.partition)] = max(parts[str(item.partition)], item.offset + 1)
        self._records += self._ours(found)

    def read_all(self, topics: Topics) -> list[Record]:
        """Return all records of the load, read anew from its beginning."""
        return self._ours(topics.read(self.start))

    def answered(self, window: range) -> list[Attempt]:
        """Return those of the window's attempts that have ended, timed from its first request."""
        found = [item for item in self.load.settled() if self._number(item.id) in window]
        began = found[0].sent_s if found else 0.0
        return [replace(item, sent_s=item.sent_s - began) for item in found]

    def settled(self, window: range) -> Ledger:
        """Place the window's attempts by what has been read.

        An id that the load has never sent is unaccounted for; those of other windows are no
        matter of this one.
        """
        others = set(self._sent()) - set(window)
        found = [item for item in self._records if self._number(item.id) not in others]
        return ledger_of(self.answered(window), found)

    def forget(self, window: range) -> None:
        """Keep of what has been read only what was sent after the window."""
        later = self._sent()[window.stop :]
        self._records = [item for item in self._records if self._number(item.id) in later]

    def _sent(self) -> range:
        """Return the numbers that may be on the topic: the next one is sent before it counts."""
        return range(self.load.sent + 1)

    def _ours(self, records: list[Record]) -> list[Record]:
        return [item for item in records if item.id.startswith(f"{self.prefix}-")]

    def _number(self, bid_id: str) -> int:
        """Return which request of the load it is; -1: none of them."""
        number = bid_id.removeprefix(f"{self.prefix}-")
        return int(number) if number.isdecimal() else -1


def ledger_of(attempts: list[Attempt], records: list[Record]) -> Ledger:
    """Settle the attempts by the records of both topics."""
    by_topic = {
        topic: [item.id for item in records if item.topic == topic]
        for topic in (REQUESTS, DECISIONS)
    }
    return settle(attempts, by_topic[REQUESTS], by_topic[DECISIONS])


class Underway:
    """The run's load: begun by the first check that disturbs, and kept until it is ended."""

    def __init__(self) -> None:
        self._stream: Stream | None = None
        self._sending = ExitStack()
        self._begun = 0

    def stream(self, http: Http, clock: Clock, topics: Topics, run_id: str) -> Stream:
        """Return the load that is underway; begin one where there is none."""
        if self._stream is None:
            start = topics.ends(REQUESTS, DECISIONS)
            self._begun += 1
            prefix = f"{run_id}-load{self._begun}"
            load = SteadyLoad(http, clock, prefix=prefix, rate=RATE)
            self._sending.enter_context(load)
            self._stream = Stream(load, prefix, start)
        return self._stream

    def close(self) -> None:
        """Stop sending and wait for the answers that are still out; nothing without a load."""
        self._stream = None
        self._sending.close()
