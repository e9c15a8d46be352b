"""Metrics as one typed table per service."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class BatchHistogram(Collector):
    """A histogram of one process, observed by one thread, to which many values come at once.

    One of prometheus_client costs a microsecond or two for each value.
    """

    def __init__(self, row: Metric, registry: CollectorRegistry) -> None:
        self._row = row
        self._counts = [0] * (len(row.buckets) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, values: Iterable[float]) -> None:
        """Count each value in the first bucket whose bound it does not exceed."""
        bounds, counts = self._row.buckets, self._counts
        for value in values:
            counts[bisect_left(bounds, value)] += 1
            self._sum += value

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Return the sums up to each bound."""
        bounds = [*map(floatToGoString, self._row.buckets), "+Inf"]
        buckets = [*zip(bounds, accumulate(self._counts), strict=True)]
        yield HistogramMetricFamily(self._row.name, self._row.doc, buckets, self._sum)


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

    def batch_histogram(self, registry: CollectorRegistry) -> BatchHistogram:
        """Make this row's histogram for values that come many at once."""
        self._must_be("histogram")
        return BatchHistogram(self, registry)

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
