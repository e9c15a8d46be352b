"""What the settings plug into the service: a strategy, and sinks beside Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumer import sinks
from consumer.bidding import strategies
from consumer.bidding.strategy import Strategy
from consumer.clock import Clock
from consumer.metrics import ConsumerMetrics
from consumer.settings.consumer import ConsumerSettings
from consumer.sinks.outlets import Outlets


@dataclass(frozen=True)
class Extensions:
    """Made before anything is connected, so that a wrong name ends the service at once."""

    strategy: Strategy
    outlets: Outlets


def chosen(
    settings: ConsumerSettings,
    environ: Mapping[str, str],
    metrics: ConsumerMetrics,
    clock: Clock,
) -> Extensions:
    """Make what the settings name; raise SettingsError where that cannot be done."""
    timeout_s = settings.publish_timeout_ms / 1000
    return Extensions(
        strategies.chosen(settings.bidding, environ, clock),
        sinks.chosen(settings.sinks, environ, timeout_s, metrics, clock),
    )
