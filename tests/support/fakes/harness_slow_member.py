"""The slow bidding logic that a check starts, with faults that can be switched on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.fakes.harness_objects import pod

Object = dict[str, Any]
_DONE_BETWEEN_LOOKS = 30


@dataclass
class FakeSlowMember:
    """Works records off each time that Kafka is asked for its group's lag."""

    faults: set[str]
    waiting: int = 0
    made: dict[str, Object] = field(default_factory=dict)
    _first_shown: int = 0
    _readings: int = 0
    _read: int = 0

    def create(self, stdin: str) -> Object:
        """Keep what is created by its kind, and return the pod as it runs."""
        self.made = {item["kind"]: item for item in json.loads(stdin)["items"]}
        name = self.made["Pod"]["metadata"]["name"]
        crashing = "slow one crashes" in self.faults
        return pod(name, app="kafka-topics", waiting="CrashLoopBackOff" if crashing else "")

    def accept(self) -> None:
        """Have one record more to decide on."""
        self.waiting += "slow one reads nothing" not in self.faults

    def lag(self) -> list[Object]:
        """Return what waits, and get on with it."""
        behind = self.waiting
        if "never worked off" not in self.faults:
            self.waiting = max(0, behind - _DONE_BETWEEN_LOOKS)
        return [{"partition": 0, "lag": behind, "age_s": float(behind)}]

    def page(self) -> str:
        """Return the gauges, which were read when they were last asked for, and read them anew."""
        shown = 0 if "gauge stands at 0" in self.faults else self._read
        self._read = self.waiting
        self._first_shown = self._first_shown or shown
        if "gauge stands still" in self.faults:
            shown = self._first_shown
        if "no gauge" in self.faults:
            return ""
        self._readings += "gauge is not read" not in self.faults
        seconds = 0.0 if "no seconds" in self.faults else shown / 10
        gauges = {"consumer_lag_messages": shown, "consumer_lag_seconds": seconds}
        lines = [f'{name}{{partition="0"}} {value}\n' for name, value in gauges.items()]
        return "".join([*lines, f"consumer_lag_readings_total {self._readings}\n"])
