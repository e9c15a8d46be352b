"""Units and a terminal for the tests of the local run."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class FakeUnit:
    """A unit that does what a test says, and notes in `journal` what was done to it."""

    name: str
    journal: list[str]
    reasons: list[str] = field(default_factory=list)
    status: int | None = None
    stop_status: int | None = 0
    on_stop: Callable[[], object] = bool
    on_kill: Callable[[], object] = bool
    pid: int | None = 4711

    def launch(self) -> None:
        self.journal.append(f"{self.name} launched")
        self.status = None

    def poll(self) -> int | None:
        return self.status

    def blocked_by(self) -> str | None:
        """Return the reasons one after the other, then None."""
        return self.reasons.pop(0) if self.reasons else None

    def stop(self, seconds: float) -> int | None:
        self.journal.append(f"{self.name} stopped within {seconds:g}")
        self.on_stop()
        return self.stop_status

    def kill(self) -> None:
        self.on_kill()
        self.journal.append(f"{self.name} killed")

    def die(self, status: int) -> None:
        """End by itself."""
        self.status = status


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True
