"""Units, a clock and a terminal for the supervisor's tests."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field

Journal = list[str]


@dataclass
class ScriptedClock:
    """Time that passes only in `sleep`; `events` happen once their time has come."""

    time: float = 1000.0
    events: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def monotonic(self) -> float:
        """Return the time."""
        return self.time

    def sleep(self, seconds: float, /) -> None:
        """Let time pass, and let happen what is due."""
        self.time += seconds
        due = [event for event in self.events if event[0] <= self.time]
        self.events = [event for event in self.events if event[0] > self.time]
        for _, happen in due:
            happen()

    def after(self, seconds: float, happen: Callable[[], object]) -> None:
        """Have `happen` called once `seconds` have passed."""
        self.events.append((self.time + seconds, happen))


@dataclass
class FakeUnit:
    """A unit that does what a test says, and notes in `journal` what was done to it."""

    name: str
    journal: Journal
    reasons: list[str] = field(default_factory=list)
    status: int | None = None
    stop_status: int | None = 0
    on_stop: Callable[[], object] = bool
    on_kill: Callable[[], object] = bool
    pid: int | None = 4711

    def launch(self) -> None:
        """Run from now on."""
        self.journal.append(f"{self.name} launched")
        self.status = None

    def poll(self) -> int | None:
        """Return the status that was set."""
        return self.status

    def blocked_by(self) -> str | None:
        """Return the reasons one after the other, then None."""
        return self.reasons.pop(0) if self.reasons else None

    def stop(self, seconds: float) -> int | None:
        """Note it and do what was asked for."""
        self.journal.append(f"{self.name} stopped within {seconds:g}")
        self.on_stop()
        return self.stop_status

    def kill(self) -> None:
        """Note it and do what was asked for."""
        self.on_kill()
        self.journal.append(f"{self.name} killed")

    def die(self, status: int) -> Callable[[], None]:
        """Return what lets it end with `status`."""

        def happen() -> None:
            self.status = status

        return happen


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def interrupt() -> None:
    """Press Ctrl-C."""
    raise KeyboardInterrupt
