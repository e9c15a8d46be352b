"""The geometry of the page's drawings, in per cent of their width and height.

The drawings are stretched to the space that they get, so what is to be read stands beside them as
text of the page, at a position that is computed here, too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from verification.timeline import Span
from verification.traffic.ledger import Attempt, Outcome

_BINS_PER_DECADE = 8
_LONGEST = 24
_STRIP_BINS = 80
_STACK = (Outcome.ACCEPTED, Outcome.REFUSED, Outcome.INDETERMINATE)


@dataclass(frozen=True)
class Bar:
    """A rectangle, what it stands for, and its kind where there are several."""

    x: float
    y: float
    width: float
    height: float
    label: str
    kind: str = ""


@dataclass(frozen=True)
class Tick:
    """A place on an axis with its text."""

    x: float
    label: str


@dataclass(frozen=True)
class Drawing:
    """Bars above an axis."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def histogram(latencies_ms: Sequence[float]) -> Drawing:
    """Return the distribution of latencies over a logarithmic scale; empty without values."""
    counts = Counter(map(_bin, latencies_ms))
    if not counts:
        return Drawing((), ())
    first, last = min(counts), max(counts) + 1
    width, tallest = 100 / (last - first), max(counts.values())
    bars = tuple(
        Bar(
            x=(number - first) * width,
            y=100 - 100 * count / tallest,
            width=width * 0.9,
            height=100 * count / tallest,
            label=f"{_edge(number):.3g} to {_edge(number + 1):.3g} ms: {count}",
        )
        for number, count in sorted(counts.items())
    )
    return Drawing(bars, tuple(_decades(first, last)))


def _decades(first: int, last: int) -> Iterable[Tick]:
    """Yield the powers of ten within the bins, or the ends where there is none."""
    found = [number for number in range(first, last + 1) if number % _BINS_PER_DECADE == 0]
    for number in found or (first, last):
        yield Tick(100 * (number - first) / (last - first), _duration(_edge(number)))


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:.3g} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.3g} s"  # noqa: PLR2004  a second


def _bin(value_ms: float) -> int:
    return math.floor(math.log10(max(value_ms, 0.001)) * _BINS_PER_DECADE)


def _edge(number: int) -> float:
    return float(10 ** (number / _BINS_PER_DECADE))


def strip(attempts: Sequence[Attempt]) -> Drawing:
    """Return what senders were told over time: stacked bars, a kind an outcome."""
    end = max((item.sent_s for item in attempts), default=0.0) or 1.0
    counts = Counter((_slot(item.sent_s, end), item.outcome) for item in attempts)
    tallest = max(Counter(_slot(item.sent_s, end) for item in attempts).values(), default=1)
    bars: list[Bar] = []
    for slot in sorted({slot for slot, _ in counts}):
        bars += _stacked(slot, [counts[slot, outcome] for outcome in _STACK], tallest, end)
    return Drawing(tuple(bars), (Tick(0, "0 s"), Tick(100, f"{end:.0f} s")))


def _slot(sent_s: float, end: float) -> int:
    return min(int(_STRIP_BINS * sent_s / end), _STRIP_BINS - 1)


def _stacked(slot: int, counts: Sequence[int], tallest: int, end: float) -> Iterable[Bar]:
    width, below = 100 / _STRIP_BINS, 0.0
    for outcome, count in zip(_STACK, counts, strict=True):
        height = 100 * count / tallest
        below += height
        if count:
            label = f"{slot * end / _STRIP_BINS:.1f} s: {count} {outcome.value}"
            yield Bar(slot * width, 100 - below, width * 0.9, height, label, outcome.value)


def timeline(spans: Sequence[Span]) -> list[Bar]:
    """Return one row for each of the longest spans, in the order in which they began."""
    longest = sorted(spans, key=lambda span: -span.seconds)[:_LONGEST]
    end = max((span.end_s for span in spans), default=0.0) or 1.0
    return [
        Bar(
            x=min(100 * span.start_s / end, 99.5),
            y=float(row),
            width=max(100 * span.seconds / end, 0.5),
            height=1.0,
            label=f"{span.name}: {span.seconds:.1f} s",
            kind="prepare" if ": " in span.name else "check",
        )
        for row, span in enumerate(sorted(longest, key=lambda span: span.start_s))
    ]
