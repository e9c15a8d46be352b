"""What sorted values reach, at the parts of them that people ask for."""

from __future__ import annotations

from collections.abc import Sequence


def quantiles(ordered: Sequence[float]) -> dict[str, float]:
    """Return what the sorted values reach at 50, 90, 99 and 100 per cent; empty without values."""
    if not ordered:
        return {}
    parts = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {name: quantile(ordered, part) for name, part in parts.items()}


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the one of the sorted values (there is at least one) that is reached at `part`."""
    return ordered[round(part * (len(ordered) - 1))]
