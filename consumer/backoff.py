"""How long to wait before trying again."""

from __future__ import annotations


class Backoff:
    """Doubles from `first_s` to `longest_s` seconds until something succeeds."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        """Begin at `first_s`."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the seconds to wait now and double those of the next time."""
        now = min(self._next_s, self._longest_s)
        self._next_s = now * 2
        return now

    def reset(self) -> None:
        """Begin again at `first_s`."""
        self._next_s = self._first_s
