"""The figures of the live view, from the text of /metrics to what is shown."""

from __future__ import annotations

import socket
from math import inf

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.metrics import TABLE as INGEST
from app.metrics import IngestMetrics
from consumer.metrics import TABLE as CONSUMER
from consumer.metrics import ConsumerMetrics
from verification.run.live import figures
from verification.run.live.figures import of_consumer, of_ingest
from verification.run.live.page import Page, read_page
from verification.run.live.window import Window

pytestmark = pytest.mark.timing


def page(at: float, registry: CollectorRegistry) -> Page:
    """Read what a registry tells."""
    return Page.parse(generate_latest(registry).decode(), at)


def text(at: float, **samples: float) -> Page:
    """Return a page of samples without labels."""
    return Page(at, {(name, frozenset()): value for name, value in samples.items()})


class TestPage:
    """Numbers by name and labels."""

    PAGE = Page.parse('a{x="1",y="2"} 3\na{x="1",y="4"} 5\na{x="2",y="4"} 6\nb 0.5\n', 0)

    def test_sums(self) -> None:
        """A total is over everything that has the labels; what is not there is 0."""
        assert self.PAGE.total("a") == 14
        assert self.PAGE.total("a", x="1") == 8
        assert self.PAGE.total("c") == 0

    def test_by_label(self) -> None:
        """The other labels are summed over."""
        assert self.PAGE.by("a", "x") == {"1": 8, "2": 6}
        assert self.PAGE.by("b", "x") == {}

    def test_highest(self) -> None:
        """Ages are not summed."""
        assert self.PAGE.highest("a") == 6
        assert self.PAGE.highest("c") == 0

    def test_nobody_answers(self) -> None:
        """A service that is not there has no page."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            assert read_page("127.0.0.1", unused.getsockname()[1], 0) is None


class TestWindow:
    """Growth within the last seconds."""

    def test_rate(self) -> None:
        """A rate is over the pages that are still in the window."""
        window = Window(10)
        assert window.rate("n_total") == 0
        for at, value in ((0, 0.0), (5, 100.0), (15, 300.0)):
            window.add(text(at, n_total=value))
        assert window.rate("n_total") == 20

    def test_a_new_process_is_no_negative_rate(self) -> None:
        """When a counter falls, what came before is forgotten."""
        window = Window(10)
        for at, value in ((0, 500.0), (1, 3.0), (2, 5.0)):
            window.add(text(at, n_total=value, gauge=-at))
        assert window.rate("n_total") == 2

    def test_silence_is_forgotten_too(self) -> None:
        """A service that does not answer has no figures."""
        window = Window(10)
        window.add(text(0, n_total=1))
        window.add(None)
        assert window.last is None
        assert (of_ingest(window), of_consumer(window)) == (None, None)

    @pytest.mark.parametrize(
        ("values", "share", "expected"),
        [
            ([0.05] * 10, 0.5, 0.05),  # the middle of the bucket from 0 to 0.1
            ([0.05] * 5 + [0.15] * 5, 0.99, 0.198),
            ([9.0], 0.5, inf),
        ],
    )
    def test_quantile(self, values: list[float], share: float, expected: float) -> None:
        """A quantile lies evenly in its bucket, as Prometheus has it."""
        window = Window(10)
        window.add(self.histogram(0, []))
        window.add(self.histogram(1, values))
        assert window.quantile(share, "h") == pytest.approx(expected)

    def test_no_sample_no_quantile(self) -> None:
        """Nothing is made up where nothing was measured."""
        window = Window(10)
        assert window.quantile(0.5, "h") is None
        window.add(self.histogram(0, [0.05]))
        assert window.quantile(0.5, "h") is None

    @staticmethod
    def histogram(at: float, values: list[float]) -> Page:
        """Return a page with a histogram of three buckets."""
        bounds = {"0.1": 0.1, "0.2": 0.2, "+Inf": inf}
        return Page(
            at,
            {
                ("h_bucket", frozenset({("le", name)})): float(sum(v <= bound for v in values))
                for name, bound in bounds.items()
            },
        )


class TestFigures:
    """What both services count becomes what is shown."""

    def test_ingest(self) -> None:
        """Rate, latency of what was accepted, refusals by code and by rule, the largest first."""
        registry = CollectorRegistry()
        metrics, window = IngestMetrics(registry), Window(10)
        window.add(page(0, registry))
        for outcome, count in (("accepted", 8), ("too-large", 1), ("invalid-bid-request", 3)):
            metrics.requests.labels(outcome).inc(count)
            metrics.duration.labels(outcome).observe(0.004 if outcome == "accepted" else 1.5)
        metrics.violations.labels("type").inc()
        metrics.violations.labels("required").inc(2)
        metrics.in_flight.set(3)
        metrics.oldest.set(0.25)
        window.add(page(2, registry))
        found = of_ingest(window)
        assert found is not None
        assert (found.rate, found.accepted_rate, found.accepted) == (6, 4, 8)
        assert found.latency.p50 == pytest.approx(0.0035)
        assert found.latency.p99 == pytest.approx(0.00497)
        assert (found.in_flight, found.oldest_s) == (3, 0.25)
        assert list(found.refused.items()) == [("invalid-bid-request", 3), ("too-large", 1)]
        assert list(found.rules) == ["required", "type"]

    def test_consumer(self) -> None:
        """Lag is summed in messages and the worst in seconds; decisions by strategy and outcome."""
        registry = CollectorRegistry()
        metrics, window = ConsumerMetrics(registry), Window(10)
        metrics.decisions.labels("fixed_price", "bid").inc(5)
        metrics.decisions.labels("fixed_price", "no_bid").inc(7)
        metrics.dead_letters.labels("invalid").inc(2)
        metrics.retries.labels("kafka").inc(1)
        for partition, (lag, age) in enumerate([(4, 0.5), (6, 1.5)]):
            metrics.lag_messages.labels(partition).set(lag)
            metrics.lag_seconds.labels(partition).set(age)
        window.add(page(0, registry))
        found = of_consumer(window)
        assert found is not None
        assert (found.lag_messages, found.lag_s) == (10, 1.5)
        assert (found.dead_letters, found.retries, found.rate) == (2, 1, 0)
        assert list(found.decisions.items()) == [
            ("fixed_price: no_bid", 7),
            ("fixed_price: bid", 5),
        ]

    def test_every_metric_is_one_that_is_exposed(self) -> None:
        """The names read here stand in the services' own tables."""
        names = {
            value for name, value in vars(figures).items() if name.isupper() and name[0] != "_"
        }
        assert len(names) == 11
        assert names <= {row.name for row in (*INGEST, *CONSUMER)}
