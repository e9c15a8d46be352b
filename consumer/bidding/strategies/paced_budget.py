"""Money that lasts for its whole period."""

from __future__ import annotations

from collections.abc import Callable

_AT_ONCE = 0.01  # of the budget: the first request of a period can be bid on


class PacedBudget:
    """Lets a budget be spent no faster than evenly over each period, and never more than once.

    What quiet hours leave over can be spent later in the same period. A clock that is set back
    brings no money back.
    """

    def __init__(self, budget: float, period_s: float, wall: Callable[[], float]) -> None:
        """Take the budget of a period, its seconds, and the time in epoch seconds."""
        self._budget = budget
        self._period_s = period_s
        self._wall = wall
        self._period = int(wall() // period_s)
        self._spent = 0.0

    def spend(self, amount: float) -> bool:
        """Take `amount` out of the budget, or return False when that is too much for now."""
        now = self._wall()
        period = int(now // self._period_s)
        if period > self._period:
            self._period, self._spent = period, 0.0
        elapsed = max(now / self._period_s - self._period, 0)
        if self._spent + amount > self._budget * min(elapsed + _AT_ONCE, 1):
            return False
        self._spent += amount
        return True
