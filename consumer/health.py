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
        self._lock = threading.Lock()

    def beat(self) -> None:
        """Tell that the poll loop has begun another round, with or without records."""
        self._last_beat = self._monotonic()

    def silent_s(self) -> float:
        """Return the seconds since the last beat."""
        return self._monotonic() - self._last_beat

    def alive(self) -> bool:
        """Whether the poll loop goes round; Kafka plays no part in it."""
        return self.silent_s() <= self._liveness_s

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
        with self._lock:
            return [f"{what}: {why}" for what, why in self._hindrances.items()]
