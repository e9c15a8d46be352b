"""The live view as rich draws it, in whatever size the terminal has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from verification.run.live.figures import Consumer, Counts, Ingest, Latency
from verification.run.messages import printable

_HEIGHT = 15  # of everything but the notable lines
_LINES = range(2, 9)
_KINDS = 4  # of one count that are told apart
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Screen:
    """One look: None for a service that does not answer, `rates` in a second, oldest first."""

    ingest: Ingest | None
    consumer: Consumer | None
    rates: Sequence[float]
    notable: Sequence[str]
    seen: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the two services side by side, then counts, then what is notable."""
        services = Table.grid(expand=True)
        services.add_column(ratio=1)
        services.add_column(ratio=1)
        services.add_row(
            _panel("ingest", _ingest(self.ingest)),
            _panel("bidding logic", _consumer(self.consumer)),
        )
        room = max(_LINES.start, min(_LINES.stop, console.size.height - _HEIGHT))
        width = options.max_width
        yield Group(services, self._counts(width), *self._notable(room, width))

    def _counts(self, width: int) -> Table:
        rows = (
            ("requests/s", _sparkline(self.rates, width - 13)),
            ("decisions", _listed(self.consumer.decisions if self.consumer else {})),
            ("refused", _listed(self.ingest.refused if self.ingest else {})),
            ("by rule", _listed(self.ingest.rules if self.ingest else {})),
        )
        return _grid(rows)

    def _notable(self, room: int, width: int) -> list[Text]:
        if not self.notable:
            return [Text(" no warnings, no errors", style="dim")]
        head = Text(f" warnings and errors: {self.seen:,}, the last of them", style="yellow")
        lines = (Text(f" {line}", no_wrap=True) for line in self.notable[-room:])
        return [head, *(_cut(line, width) for line in lines)]


def _panel(title: str, rows: Sequence[tuple[str, str]] | None) -> Panel:
    if rows is None:
        return Panel(Text("does not answer"), title=title, border_style="red", height=7)
    return Panel(_grid(rows), title=title, border_style="green", height=7)


def _grid(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=12, no_wrap=True, style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for name, told in rows:
        table.add_row(f" {name}", Text(told))
    return table


def _ingest(figures: Ingest | None) -> Sequence[tuple[str, str]] | None:
    if figures is None:
        return None
    return (
        ("requests", f"{figures.rate:,.1f} /s"),
        ("accepted", f"{figures.accepted_rate:,.1f} /s, {figures.accepted:,.0f} in all"),
        ("p50 / p99", _latency(figures.latency)),
        ("in flight", f"{figures.in_flight:,.0f}"),
        ("oldest", f"{figures.oldest_s:.1f} s without an ack"),
    )


def _consumer(figures: Consumer | None) -> Sequence[tuple[str, str]] | None:
    if figures is None:
        return None
    return (
        ("decisions", f"{figures.rate:,.1f} /s"),
        ("p50 / p99", f"{_latency(figures.latency)} from receipt"),
        ("lag", f"{figures.lag_messages:,.0f} messages, {figures.lag_s:.1f} s"),
        ("tried again", f"{figures.retries:,.0f} rounds"),
        ("given up", f"{figures.dead_letters:,.0f} dead letters"),
    )


def _latency(latency: Latency) -> str:
    if latency.p50 is None or latency.p99 is None:
        return "- / -"
    return " / ".join(f"{_milliseconds(value)}" for value in (latency.p50, latency.p99))


def _milliseconds(seconds: float) -> str:
    """Return a whole number of milliseconds, or that it is beyond what is measured."""
    return "off scale" if isinf(seconds) else f"{seconds * 1000:.0f} ms"


def _listed(counts: Counts) -> str:
    """Return the largest counts, and how much the others come to."""
    told = [f"{printable(name)} {count:,.0f}" for name, count in list(counts.items())[:_KINDS]]
    others = sum(list(counts.values())[_KINDS:])
    return ", ".join([*told, *([f"others {others:,.0f}"] if others else [])]) or "none"


def _sparkline(rates: Sequence[float], width: int) -> str:
    shown = rates[-max(1, width) :]
    top = max(shown, default=0.0) or 1.0
    return "".join(_BARS[round(rate / top * (len(_BARS) - 1))] for rate in shown)


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line
