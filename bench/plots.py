"""Lines over a plane as SVG: drawn by hand, so that a figure costs no dependency."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 168, 36, 44
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_TICKS = 5
_STYLE = "<style>text{font:12px sans-serif;fill:#444}.t{font-weight:bold;font-size:13px}</style>"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """What a direction of the plane stands for, how far it goes, and where zero ends up."""

    label: str
    most: float
    pixels: tuple[float, float]

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        start, end = self.pixels
        return start + (end - start) * value / self.most

    def ticks(self) -> Iterator[float]:
        """Yield round values from zero on."""
        step = _round_up(self.most / _TICKS)
        yield from (step * number for number in range(int(self.most / step) + 1))


def lines(title: str, x_label: str, y_label: str, series: Mapping[str, Points]) -> str:
    """Return a chart with a line for each series, both axes from zero on."""
    points = [point for each in series.values() for point in each]
    x = Axis(x_label, _round_up(max(p[0] for p in points)), (_LEFT, _WIDTH - _RIGHT))
    y = Axis(y_label, _round_up(max(p[1] for p in points)), (_HEIGHT - _BOTTOM, _TOP))
    parts = [f'<text class="t" x="{_LEFT}" y="20">{escape(title)}</text>', *_axes(x, y)]
    for number, (name, each) in enumerate(series.items()):
        parts += _line(name, each, (x, y), number)
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{_STYLE}'
    ground = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return "\n".join([head, ground, *parts, "</svg>", ""])


def _axes(x: Axis, y: Axis) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for value in y.ticks():
        at = y.at(value)
        yield f'<path d="M{_LEFT} {at:.1f}H{right}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:,g}</text>'
    for value in x.ticks():
        at = x.at(value)
        yield f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{value:,g}</text>'
    middle = (_LEFT + right) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x.label)}</text>'
    yield f'<text x="{right + 8}" y="{_TOP - 16}">{escape(y.label)}</text>'


def _line(name: str, points: Points, axes: tuple[Axis, Axis], number: int) -> Iterator[str]:
    x, y = axes
    colour = _COLOURS[number % len(_COLOURS)]
    placed = [(x.at(a), y.at(b)) for a, b in sorted(points)]
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in placed)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in placed)
    right, at = _WIDTH - _RIGHT + 16, _TOP + 16 + 18 * number
    yield f'<rect x="{right}" y="{at - 9}" width="10" height="10" fill="{colour}"/>'
    yield f'<text x="{right + 16}" y="{at}">{escape(name)}</text>'


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5 and 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.999)
