"""The kubelet's arithmetic, on a clock that the bidding logic's own work moves."""

from __future__ import annotations

from consumer.health.health import Health
from tests.support.fakes.consumer_clock import FakeTime

PERIOD_S = 10
FAILURES = 3
GRACE_S = 40


class FakeKubelet:
    """Probes whenever a period has gone by, and would kill at the third failure in a row."""

    def __init__(self, health: Health, time: FakeTime) -> None:
        self._health = health
        self._time = time
        self._due_s = time.now_s
        self._failures = 0
        self.probes = 0
        self.kills = 0

    def spend(self, seconds: float) -> None:
        """Let time pass in which the process does not look up; probe when that is due."""
        end_s = self._time.now_s + seconds
        while self._due_s <= end_s:
            self._time.now_s = max(self._due_s, self._time.now_s)
            self._probe()
            self._due_s += PERIOD_S
        self._time.now_s = end_s

    def _probe(self) -> None:
        self.probes += 1
        self._failures = 0 if self._health.alive() else self._failures + 1
        if self._failures == FAILURES:
            self.kills += 1
