"""What the parts of one process share."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.tracing import NoTracer, Tracer
from consumer.clock import Clock
from consumer.health.health import Health
from consumer.metrics import ConsumerMetrics
from consumer.stop import Stop


@dataclass(frozen=True)
class Runtime:
    """One of each per process."""

    clock: Clock
    stop: Stop
    health: Health
    metrics: ConsumerMetrics
    tracer: Tracer = field(default_factory=NoTracer)
