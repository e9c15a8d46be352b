"""Starts units in order, looks after them, and stops them in the opposite order."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from verification.clock import Clock
from verification.errors import CannotRunError, CheckFailedError
from verification.run.messages import Messages

STOP_S = 3.0  # for each unit; three of them end within 10 s
_LOOK_S = 0.1
_REFUSED = 2  # the status of a service that its settings keep from starting
LIMIT = 5
WINDOW_S = 60.0
FIRST_PAUSE_S = 0.5


class Unit(Protocol):
    """A process, or a few, started, watched and stopped as one."""

    name: str

    @property
    def pid(self) -> int | None:
        """The main process's id."""

    def launch(self) -> None:
        """Start without waiting."""

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""

    def blocked_by(self) -> str | None:
        """Return why it is not ready; None: it is."""

    def stop(self, seconds: float) -> int | None:
        """End in order, by force after `seconds`; return the exit status."""

    def kill(self) -> None:
        """End by force, leaving nothing."""


@dataclass
class RestartBudget:
    """At most `LIMIT` restarts within `WINDOW_S`; each pause in a row is twice the one before."""

    _deaths: deque[float] = field(default_factory=deque)

    def after_death(self, now: float) -> float | None:
        """Count a death at `now`; return the pause before the restart, None to give up."""
        while self._deaths and now - self._deaths[0] >= WINDOW_S:
            self._deaths.popleft()
        if len(self._deaths) == LIMIT:
            return None
        self._deaths.append(now)
        pause: float = FIRST_PAUSE_S * 2 ** (len(self._deaths) - 1)
        return pause

    @property
    def used(self) -> int:
        """Deaths within the window, as of the last one."""
        return len(self._deaths)


@dataclass
class _Watched:
    """A unit, when it is to start again (None: it runs), since when it has not been ready."""

    unit: Unit
    budget: RestartBudget = field(default_factory=RestartBudget)
    start_at: float | None = None
    returning_since: float | None = None


class Supervisor:
    """Looks after units until it is told to stop or one of them dies too often."""

    def __init__(self, messages: Messages, clock: Clock) -> None:
        self._messages = messages
        self._clock = clock
        self._watched: list[_Watched] = []

    def start(self, units: Sequence[Unit], within: float) -> None:
        """Start units side by side and wait until all are ready.

        Raises CannotRunError when one ends before it is ready, or `within` seconds pass.
        """
        began = self._clock.monotonic()
        for unit in units:
            self._watched.append(_Watched(unit))
            unit.launch()
        for unit in units:
            self._wait(unit, began, within)

    def watch(self) -> NoReturn:
        """Look after the units for ever; CheckFailedError once one has died too often."""
        while True:
            for watched in self._watched:
                self._look_after(watched)
            self._clock.sleep(_LOOK_S)

    def stop(self, hurried: AbstractContextManager[None] | None = None) -> None:
        """Stop all units, the last started first; a Ctrl-C meanwhile kills what is left.

        `hurried` is entered for as long as a KeyboardInterrupt is understood.
        """
        began = self._clock.monotonic()
        left = [watched.unit for watched in reversed(self._watched)]
        self._watched.clear()
        if not left:
            return
        self._messages.say(f"stopping {', '.join(unit.name for unit in left)}")
        try:
            with hurried or nullcontext():
                while left:
                    self._stop(left[0])
                    left.pop(0)
        except KeyboardInterrupt:
            self._messages.say(f"killing {', '.join(unit.name for unit in left)}")
        finally:
            for unit in left:
                unit.kill()
        self._messages.say(f"all stopped after {self._clock.monotonic() - began:.1f} s")

    def _stop(self, unit: Unit) -> None:
        was_running = unit.poll() is None
        if unit.stop(STOP_S) == -signal.SIGKILL and was_running:
            self._messages.say(f"{unit.name} did not end within {STOP_S:.0f} s and was killed")

    def _wait(self, unit: Unit, began: float, within: float) -> None:
        while (reason := unit.blocked_by()) is not None:
            if (status := unit.poll()) is not None:
                message = f"{unit.name} {ending(status)} before it was ready"
                raise CannotRunError(message) if status == _REFUSED else CheckFailedError(message)
            waited = self._clock.monotonic() - began
            if waited >= within:
                message = f"{unit.name} was not ready within {within:.0f} s: {reason}"
                raise CheckFailedError(message)
            self._messages.show(f"waiting for {unit.name}: {reason}")
            self._clock.sleep(_LOOK_S)

    def _look_after(self, watched: _Watched) -> None:
        now = self._clock.monotonic()
        if watched.start_at is not None:
            if now >= watched.start_at:
                watched.start_at, watched.returning_since = None, now
                watched.unit.launch()
        elif (status := watched.unit.poll()) is not None:
            self._bury(watched, status, now)
        elif watched.returning_since is not None and watched.unit.blocked_by() is None:
            took = self._clock.monotonic() - watched.returning_since
            watched.returning_since = None
            self._messages.say(f"{watched.unit.name} is ready again after {took:.1f} s")

    def _bury(self, watched: _Watched, status: int, now: float) -> None:
        unit = watched.unit
        died = f"{unit.name} (pid {unit.pid}) {ending(status)}"
        unit.kill()  # what it had started must not hold its port
        pause = watched.budget.after_death(now)
        if pause is None:
            message = f"{died}, {LIMIT + 1} deaths within {WINDOW_S:.0f} s: giving up"
            raise CheckFailedError(message)
        count = f"restart {watched.budget.used} of at most {LIMIT} within {WINDOW_S:.0f} s"
        self._messages.say(f"{died}; starting it again in {pause:g} s ({count})")
        watched.start_at = now + pause


def ending(status: int) -> str:
    """Say how a process ended, from its exit status."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
