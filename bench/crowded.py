"""How long an innocent request takes while crowds of the worst clients are there."""

from __future__ import annotations

from collections.abc import Callable

from bench import open_loop
from bench.open_loop import Paced
from tests.support.crowds import HABITS, crowds

NOBODY = "nobody"
_RATE = 500  # of innocent requests a second: the crowds have to be kept up by the same core


def by_crowd(port: int, count: int, seconds: float, say: Callable[[str], None]) -> dict[str, Paced]:
    """Offer the same load with nobody else there, with `count` of each kind, and with all."""
    found: dict[str, Paced] = {}
    for habits in ((), *((habit,) for habit in HABITS), HABITS):
        name = " and ".join(f"{count:,} that {habit.name}" for habit in habits) or NOBODY
        with crowds(port, count, *habits):
            found[name] = open_loop.run(port, _RATE, seconds)
        say(f"beside {name}: p99 {found[name].p99_ms:.1f} ms {found[name].void}")
    return found
