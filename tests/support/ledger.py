"""What became of each bid request, held against what the topic holds."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from verification.traffic.http import Response

Place = tuple[int, int]  # partition, offset


@dataclass(frozen=True)
class Findings:
    """What is wrong; each holds ids, and all of them are empty when nothing is."""

    lost: frozenset[str]  # accepted, and not at the place that the answer named
    ghosts: frozenset[str]  # refused for certain, and on the topic all the same
    doubled: frozenset[str]  # on the topic more often than sent
    strangers: frozenset[str]  # on the topic and never sent


class Ledger:
    """Each id in exactly one column: accepted, refused, or unknown. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.accepted: dict[str, Place] = {}
        self.refused: dict[str, int] = {}
        self.unknown: set[str] = set()
        self.unanswered: set[str] = set()

    def __len__(self) -> int:
        """Return how many ids it holds."""
        return len(self.accepted) + len(self.refused) + len(self.unknown) + len(self.unanswered)

    def enter(self, bid_id: str, answer: Response | None) -> None:
        """Put an id into the column that its answer says; None: the connection broke."""
        with self._lock:
            assert bid_id not in self.accepted.keys() | self.refused.keys() | self.unknown
            if answer is None:
                self.unanswered.add(bid_id)
            elif answer.status == 202:
                self.accepted[bid_id] = (answer.json["partition"], answer.json["offset"])
            elif answer.json.get("delivery") == "unknown":
                self.unknown.add(bid_id)
            else:
                self.refused[bid_id] = answer.status

    def findings(self, records: Iterable[Any]) -> Findings:
        """Hold it against every record of the topic, as kafka-python's ConsumerRecord."""
        places = {(r.partition, r.offset): r.key.decode() for r in records}
        present = Counter(places.values())
        sent = self.accepted.keys() | self.refused.keys() | self.unknown | self.unanswered
        return Findings(
            lost=frozenset(i for i, at in self.accepted.items() if places.get(at) != i),
            ghosts=frozenset(self.refused.keys() & present.keys()),
            doubled=frozenset(i for i, count in present.items() if count > 1),
            strangers=frozenset(present.keys() - sent),
        )


CLEAN = Findings(frozenset(), frozenset(), frozenset(), frozenset())
