"""Metrics: a typed table that makes its own instruments."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from common.metrics import (
    BatchHistogram,
    MetricTable,
    batch_histogram,
    counter,
    gauge,
    histogram,
    to_markdown,
)

pytestmark = pytest.mark.promise("observable")


class Demo(MetricTable):
    """One row of each kind."""

    count: Counter = counter("demo_total", "Things.", "kind")
    level: Gauge = gauge("demo_level", "Height.")
    took: Histogram = histogram("demo_seconds", "Time.", buckets=(0.1, 1.0))
    sizes: BatchHistogram = batch_histogram("demo_bytes", "Sizes.", buckets=(1.0, 2.0))


def test_each_row_makes_its_instrument() -> None:
    """It is exposed under the row's name, labels and buckets, and counts in its registry alone."""
    registry = CollectorRegistry()
    demo, _other = Demo(registry), Demo(CollectorRegistry())
    demo.count.labels("a").inc()
    demo.level.set(2)
    demo.took.observe(0.5)
    demo.sizes.observe([0.5, 1.0, 1.5, 9.0])
    text = generate_latest(registry).decode()
    for line in (
        'demo_total{kind="a"} 1.0',
        "demo_level 2.0",
        'demo_seconds_bucket{le="1.0"} 1.0',
        'demo_bytes_bucket{le="1.0"} 2.0',
        'demo_bytes_bucket{le="+Inf"} 4.0',
        "demo_bytes_sum 12.0",
    ):
        assert line in text


def test_the_markdown_lists_every_row() -> None:
    """The documentation shows name, type, labels and meaning."""
    assert "| `demo_total` | counter | `kind` | Things. |" in to_markdown(Demo.rows())
    assert [row.kind for row in Demo.rows()] == ["counter", "gauge", "histogram", "histogram"]
