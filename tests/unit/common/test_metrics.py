"""Metrics: a typed table that makes its own instruments."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from common.metrics import Metric, to_markdown

COUNT = Metric("demo_total", "counter", "Things.", ("kind",))
LEVEL = Metric("demo_level", "gauge", "Height.")
TOOK = Metric("demo_seconds", "histogram", "Time.", buckets=(0.1, 1.0))


def test_each_kind_makes_its_instrument() -> None:
    """A row's instrument is exposed under the row's name, labels and buckets."""
    registry = CollectorRegistry()
    COUNT.counter(registry).labels("a").inc()
    LEVEL.gauge(registry).set(2)
    TOOK.histogram(registry).observe(0.5)
    text = generate_latest(registry).decode()
    assert 'demo_total{kind="a"} 1.0' in text
    assert "demo_level 2.0" in text
    assert 'demo_seconds_bucket{le="1.0"} 1.0' in text


@pytest.mark.parametrize("make", [COUNT.gauge, COUNT.histogram, LEVEL.counter])
def test_a_row_makes_no_other_kind(make: object) -> None:
    """Asking a row for another kind than its own is a programming error."""
    with pytest.raises(TypeError, match="is a"):
        make(CollectorRegistry())  # type: ignore[operator]


def test_the_markdown_lists_every_row() -> None:
    """The documentation shows name, type, labels and meaning."""
    assert "| `demo_total` | counter | `kind` | Things. |" in to_markdown([COUNT, LEVEL])
