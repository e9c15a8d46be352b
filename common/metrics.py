"""Metrics as one typed table per service."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

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
    labels: tuple[str, ...]
    build: Callable[[Metric, CollectorRegistry], object]
    buckets: tuple[float, ...] = ()


class MetricTable:
    """The base of a service's metrics: rows on the class, their instruments on an instance."""

    def __init__(self, registry: CollectorRegistry) -> None:
        for attribute, row in vars(type(self)).items():
            if isinstance(row, Metric):
                setattr(self, attribute, row.build(row, registry))

    @classmethod
    def rows(cls) -> tuple[Metric, ...]:
        """Return the rows, in their order."""
        return tuple(row for row in vars(cls).values() if isinstance(row, Metric))


def counter(name: str, doc: str, *labels: str) -> Any:  # noqa: ANN401  a row, which becomes a Counter
    """Declare a counter."""

    def build(row: Metric, registry: CollectorRegistry) -> Counter:
        return Counter(row.name, row.doc, row.labels, registry=registry)

    return Metric(name, "counter", doc, labels, build)


def gauge(
    name: str,
    doc: str,
    *labels: str,
    over_workers: Literal["livesum", "livemax", "livemin"] = "livesum",
) -> Any:  # noqa: ANN401  as above
    """Declare a gauge; `over_workers` says what becomes of the live workers' values."""

    def build(row: Metric, registry: CollectorRegistry) -> Gauge:
        return Gauge(
            row.name, row.doc, row.labels, registry=registry, multiprocess_mode=over_workers
        )

    return Metric(name, "gauge", doc, labels, build)


def histogram(name: str, doc: str, *labels: str, buckets: tuple[float, ...]) -> Any:  # noqa: ANN401  as above
    """Declare a histogram."""

    def build(row: Metric, registry: CollectorRegistry) -> Histogram:
        return Histogram(row.name, row.doc, row.labels, registry=registry, buckets=row.buckets)

    return Metric(name, "histogram", doc, labels, build, buckets)


def batch_histogram(name: str, doc: str, buckets: tuple[float, ...]) -> Any:  # noqa: ANN401  as above
    """Declare a histogram for values that come many at once."""
    return Metric(name, "histogram", doc, (), BatchHistogram, buckets)


def to_markdown(rows: Iterable[Metric]) -> str:
    """Render rows as the Markdown table of docs/metrics.md."""
    lines = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{row.name}` | {row.kind} | {', '.join(f'`{x}`' for x in row.labels)} | {row.doc} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
