"""The geometry of the page's drawings; the template turns it into SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from verification.timeline import Span

WIDTH = 720.0
_HEIGHT = 120.0
_BINS_PER_DECADE = 8
_LONGEST = 24


@dataclass(frozen=True)
class Bar:
    """A rectangle with what it stands for, in the drawing's own units."""

    x: float
    y: float
    width: float
    height: float
    label: str


def histogram(latencies_ms: Sequence[float]) -> list[Bar]:
    """Return one bar a bin of a logarithmic scale, empty bins left out; none without values."""
    if not latencies_ms:
        return []
    numbers = [_bin(value) for value in latencies_ms]
    first, last = min(numbers), max(numbers)
    counts = {number: numbers.count(number) for number in set(numbers)}
    width, tallest = WIDTH / (last - first + 1), max(counts.values())
    bars = []
    for number, count in sorted(counts.items()):
        height = _HEIGHT * count / tallest
        label = f"{_edge(number):.3g} to {_edge(number + 1):.3g} ms: {count}"
        bars.append(Bar((number - first) * width, _HEIGHT - height, width * 0.9, height, label))
    return bars


def _bin(value_ms: float) -> int:
    return math.floor(math.log10(max(value_ms, 0.001)) * _BINS_PER_DECADE)


def _edge(number: int) -> float:
    return float(10 ** (number / _BINS_PER_DECADE))


def quantiles(ordered: Sequence[float]) -> dict[str, float]:
    """Return what the sorted values reach at 50, 90, 99 and 100 per cent; empty without values."""
    if not ordered:
        return {}
    parts = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: ordered[round(part * last)] for name, part in parts.items()}


def timeline(spans: Sequence[Span]) -> list[Bar]:
    """Return one row for each of the longest spans, in the order in which they began."""
    longest = sorted(spans, key=lambda span: -span.seconds)[:_LONGEST]
    end = max((span.end_s for span in spans), default=0.0) or 1.0
    return [
        Bar(
            x=100 * span.start_s / end,
            y=float(row),
            width=max(100 * span.seconds / end, 0.3),
            height=1.0,
            label=f"{span.name} {span.seconds:.1f} s",
        )
        for row, span in enumerate(sorted(longest, key=lambda span: span.start_s))
    ]
