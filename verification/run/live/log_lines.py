"""What is worth a look in the services' logs: warnings, errors, and whatever is no log line."""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import Any

from verification.run.messages import printable

KEPT = 20
_ROUTINE = ("debug", "info")
_SHOWN_FIRST = ("timestamp", "level", "service", "event", "logger")
_LONGEST = 500


class Notable:
    """The newest lines that are more than routine, each harmless for a terminal."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self.seen = 0

    def take(self, line: bytes) -> None:
        """Look at a line of a service's log, from any thread."""
        text = _notable(line)
        if text is not None:
            with self._lock:
                self._lines.append(text)
                self.seen += 1

    def newest(self, count: int) -> list[str]:
        """Return at most `count` of them, the newest last."""
        with self._lock:
            return list(self._lines)[-count:]


def _notable(line: bytes) -> str | None:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        return printable(line.rstrip()[:_LONGEST])
    return None if event.get("level") in _ROUTINE else printable(_told(event))[:_LONGEST]


def _told(event: dict[str, Any]) -> str:
    time = str(event.get("timestamp", ""))[11:19]
    head = (
        f"{time} {event.get('service', '-')} {event.get('level', '-')}: {event.get('event', '-')}"
    )
    rest = (f"{name}={value}" for name, value in event.items() if name not in _SHOWN_FIRST)
    return " ".join([head, *rest])
