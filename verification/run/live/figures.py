"""The figures of the live view, out of both services' metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verification.run.live.page import Page, Window

REQUESTS = "ingest_requests_total"
DECISIONS = "consumer_decisions_total"
_ACCEPTED = "accepted"

Counts = Mapping[str, float]


@dataclass(frozen=True)
class Latency:
    """Median and 99th percentile in seconds: None without a sample, `inf` over the last bucket."""

    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class Ingest:
    """Requests in a second, their latency, and since the start: refusals by code and by rule."""

    rate: float
    accepted_rate: float
    accepted: float
    latency: Latency
    in_flight: float
    oldest_s: float
    refused: Counts = field(default_factory=dict)
    rules: Counts = field(default_factory=dict)


@dataclass(frozen=True)
class Consumer:
    """Decisions in a second, latency from receipt, lag; the counts are since the start."""

    rate: float
    latency: Latency
    lag_messages: float
    lag_s: float
    retries: float
    dead_letters: float
    decisions: Counts = field(default_factory=dict)


def of_ingest(window: Window) -> Ingest | None:
    """Return the ingest's figures; None while it does not answer."""
    page = window.last
    if page is None:
        return None
    outcomes = page.by(REQUESTS, "outcome")
    return Ingest(
        rate=window.rate(REQUESTS),
        accepted_rate=window.rate(REQUESTS, outcome=_ACCEPTED),
        accepted=outcomes.pop(_ACCEPTED, 0.0),
        latency=_latency(window, "ingest_request_duration_seconds", outcome=_ACCEPTED),
        in_flight=page.total("ingest_requests_in_flight"),
        oldest_s=page.highest("ingest_oldest_unacknowledged_seconds"),
        refused=_most_first(outcomes),
        rules=_most_first(page.by("ingest_violations_total", "rule")),
    )


def of_consumer(window: Window) -> Consumer | None:
    """Return the bidding logic's figures; None while it does not answer."""
    page = window.last
    if page is None:
        return None
    return Consumer(
        rate=window.rate(DECISIONS),
        latency=_latency(window, "consumer_end_to_end_seconds"),
        lag_messages=page.total("consumer_lag_messages"),
        lag_s=page.highest("consumer_lag_seconds"),
        retries=page.total("consumer_retries_total"),
        dead_letters=page.total("consumer_dead_letters_total"),
        decisions=_decisions(page),
    )


def _latency(window: Window, name: str, **labels: str) -> Latency:
    p50, p99 = (window.quantile(share, name, **labels) for share in (0.5, 0.99))
    return Latency(p50, p99)


def _decisions(page: Page) -> Counts:
    return _most_first(
        {
            f"{strategy}: {outcome}": page.total(DECISIONS, strategy=strategy, outcome=outcome)
            for strategy in page.by(DECISIONS, "strategy")
            for outcome in page.by(DECISIONS, "outcome")
        }
    )


def _most_first(counts: Counts) -> Counts:
    there = {name: count for name, count in counts.items() if count}
    return dict(sorted(there.items(), key=lambda item: -item[1]))
