"""Metrics as one typed table per service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


@dataclass(frozen=True)
class Metric:
    """One row of a metrics table; names follow Prometheus's conventions (base units, `_total`)."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS
    over_workers: Literal["livesum", "livemax", "livemin"] = "livesum"

    def counter(self, registry: CollectorRegistry) -> Counter:
        """Make this row's counter."""
        self._must_be("counter")
        return Counter(self.name, self.doc, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """Make this row's gauge; `over_workers` says what becomes of the live workers' values."""
        self._must_be("gauge")
        return Gauge(
            self.name, self.doc, self.labels, registry=registry, multiprocess_mode=self.over_workers
        )

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """Make this row's histogram."""
        self._must_be("histogram")
        return Histogram(self.name, self.doc, self.labels, registry=registry, buckets=self.buckets)

    def _must_be(self, kind: str) -> None:
        if self.kind != kind:
            raise TypeError(f"{self.name} is a {self.kind}, not a {kind}")


def to_markdown(rows: Iterable[Metric]) -> str:
    """Render rows as the Markdown table of docs/metrics.md."""
    lines = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{row.name}` | {row.kind} | {', '.join(f'`{x}`' for x in row.labels)} | {row.doc} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
