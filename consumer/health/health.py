"""What the probes are told: is the process alive, and is it ready."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Health:
    """Beaten by the poll loop, read by the HTTP server; safe to use from several threads."""

    def __init__(self, liveness_s: float, monotonic: Callable[[], float]) -> None:
        """Count as alive for `liveness_s` seconds from now and from every beat."""
        self._liveness_s = liveness_s
        self._monotonic = monotonic
        self._last_beat = monotonic()
        self._hindrances: dict[str, str] = {}
        self._stuck: dict[str, str] = {}
        self._lock = threading.Lock()

    def beat(self) -> None:
        """Tell that the poll loop has begun another round, with or without records."""
        self._last_beat = self._monotonic()

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
        return self._told(self._stuck) + (silence if silent_s > self._liveness_s else [])

    def stick(self, what: str, why: str) -> None:
        """Make the service neither alive nor ready; `what` names it for `unstick`."""
        with self._lock:
            self._stuck[what] = why

    def unstick(self, what: str) -> None:
        """Take it back, whether or not it was there."""
        with self._lock:
            self._stuck.pop(what, None)

    def hinder(self, what: str, why: str) -> None:
        """Make the service not ready; `what` names the hindrance for `clear`."""
        with self._lock:
            self._hindrances[what] = why

    def clear(self, what: str) -> None:
        """Take one hindrance away, whether or not it was there."""
        with self._lock:
            self._hindrances.pop(what, None)

    def reasons(self) -> list[str]:
        """Return why the service is not ready, each as `what: why`; empty when it is."""
        return self._told(self._hindrances) + self._told(self._stuck)

    def _told(self, reasons: dict[str, str]) -> list[str]:
        with self._lock:
            return [f"{what}: {why}" for what, why in reasons.items()]
