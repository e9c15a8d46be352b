"""Liveness and readiness of the process, with the reasons."""

from __future__ import annotations

import threading
from collections.abc import Callable

from common.changes import Changes
from common.kafka_reasons import BrokerTroubles


class Health:
    """Beaten by the poll loop, read by the HTTP server; safe to use from several threads."""

    def __init__(self, liveness_s: float, monotonic: Callable[[], float]) -> None:
        self._liveness_s = liveness_s
        self._monotonic = monotonic
        self._last_beat = monotonic()
        self._not_ready: dict[str, str] = {}
        self._stuck: dict[str, str] = {}
        self._lock = threading.Lock()
        self._changes = Changes(monotonic)
        self._troubles = BrokerTroubles()

    def beat(self) -> None:
        """Tell that the poll loop has begun another round, with or without records.

        A Kafka that is away lets it go round without an error: here that is noticed for the log.
        """
        self._last_beat = self._monotonic()
        if self._troubles.all_away():
            self._changes.begin("brokers", "; ".join(self._troubles.reasons()))
        else:
            self._changes.end("brokers")

    def silent_s(self) -> float:
        """Return the seconds since the last beat."""
        return self._monotonic() - self._last_beat

    def alive(self) -> bool:
        """Whether a new process would do no better; Kafka plays no part in it."""
        return not self.not_alive()

    def not_alive(self) -> list[str]:
        """Return what is stuck, the poll loop or a part of what it reads; empty when nothing is."""
        silent_s = self.silent_s()
        silence = [f"the poll loop has not gone round for {silent_s:.0f} s"]
        return self._as_lines(self._stuck) + (silence if silent_s > self._liveness_s else [])

    def set_stuck(self, what: str, why: str) -> None:
        """Make the service neither alive nor ready; `what` names it for `clear_stuck`."""
        with self._lock:
            self._stuck[what] = why

    def clear_stuck(self, what: str) -> None:
        """Take it back, whether or not it was there."""
        with self._lock:
            self._stuck.pop(what, None)

    def watch(self, troubles: BrokerTroubles) -> None:
        """Tell from now on which brokers the clients do not reach."""
        self._troubles = troubles

    def set_not_ready(self, what: str, why: str, *, expected: bool = False) -> None:
        """Make the service not ready, and log it; `what` names the reason for `set_ready`.

        What belongs to every start and end is `expected`, and no line in the log.
        """
        with self._lock:
            self._not_ready[what] = why
        if not expected:
            brokers = self._troubles.reasons()
            self._changes.begin(what, why, **({"brokers": brokers} if brokers else {}))

    def set_ready(self, what: str) -> None:
        """Take one reason away, whether or not it was there."""
        with self._lock:
            self._not_ready.pop(what, None)
        self._changes.end(what)

    def not_ready(self) -> list[str]:
        """Return why the service is not ready, each as `what: why`; empty when it is.

        Whatever it is, brokers that are not reached are the likely cause. As long as one is
        reached they are none by themselves: the others may lead what this member reads.
        """
        reasons = self._as_lines(self._not_ready) + self._as_lines(self._stuck)
        if reasons or self._troubles.all_away():
            reasons += [f"broker {why}" for why in self._troubles.reasons()]
        return reasons

    def _as_lines(self, reasons: dict[str, str]) -> list[str]:
        with self._lock:
            return [f"{what}: {why}" for what, why in reasons.items()]
