"""The generated part of docs/scale.md: what so many requests a second take."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from bench.body import template
from bench.results import LATEST, read
from bench.scale import Assumptions, Fleet, Measured, fleet
from docs.performance_page import MARK

PAGE = Path(__file__).parent / "scale.md"
RATES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_FRAMING_BYTES = 170  # key, headers and what Kafka puts around them
_COLUMNS = (
    "requests/s",
    "ingest workers",
    "ingest pods",
    "their memory",
    "partitions",
    "consumers",
    "brokers",
    "into Kafka",
    "stored a day",
    "a billion bids",
)


def page() -> str:
    """Return the page as it stands up to the mark, with the current tables after it."""
    written = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    measured = Measured.by(read(LATEST), len(template()) + _FRAMING_BYTES)
    assumed = Assumptions()
    head = [f"| {' | '.join(_COLUMNS)} |", f"|{' --- |' * len(_COLUMNS)}"]
    rows = [_row(fleet(rate, measured, assumed)) for rate in RATES]
    fleets = "\n".join([*head, *rows, ""])
    return f"{written}{MARK}\n## Fleets\n\n{fleets}\n## Inputs\n\n{_inputs(measured, assumed)}"


def _row(one: Fleet) -> str:
    cells = (
        f"{one.rate:,}",
        f"{one.workers:,}",
        f"{one.pods:,}",
        f"{one.memory_gib:,.1f} GiB",
        f"{one.partitions:,}",
        f"{one.consumers:,}",
        f"{one.brokers:,}",
        f"{one.in_bytes_s / 1e6:,.0f} MB/s",
        f"{one.stored_bytes_day / 1e9:,.0f} GB",
        f"${one.cost_per_billion:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _inputs(measured: Measured, assumed: Assumptions) -> str:
    pairs = [
        (item.name, getattr(group, item.name))
        for group in (measured, assumed)
        for item in fields(group)
    ]
    rows = [f"| `{name}` | {value:,g} |" for name, value in pairs]
    return "\n".join(["| input (`bench/scale.py`) | value |", "| --- | --- |", *rows, ""])
