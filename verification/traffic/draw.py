"""Chance, from a seed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
Members = dict[str, Any]


class Draw:
    """The draws for one request: the same for the same seed and number."""

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(f"{seed}/{number}")  # noqa: S311  to be repeated, not to be secret

    def one(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return self._random.choice(choices)

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Return one to `most` different ones of the choices."""
        return self._random.sample(choices, self.number(1, min(most, len(choices))))

    def weighted(self, weights: Mapping[str, float]) -> str:
        """Return a name, as often as its weight says."""
        return self._random.choices(list(weights), list(weights.values()))[0]

    def chance(self, share: float) -> bool:
        """Return True in so many of all cases, from 0 to 1."""
        return self._random.random() < share

    def number(self, low: int, high: int) -> int:
        """Return an integer, both ends included."""
        return self._random.randint(low, high)

    def price(self, most: float) -> float:
        """Return a price above zero, in cents."""
        return round(self._random.uniform(0.01, most), 2)

    def near(self, degrees: float) -> float:
        """Return a place within about ten kilometres."""
        return round(degrees + self._random.uniform(-0.09, 0.09), 4)

    def uuid(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def token(self, length: int) -> str:
        """Return so many letters and digits."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"
