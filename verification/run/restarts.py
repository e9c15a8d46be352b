"""How often something that died is started again, and after which pause."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

LIMIT = 5
WINDOW_S = 60.0
FIRST_PAUSE_S = 0.5


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
