"""What Kubernetes and Prometheus ask: alive, ready, and how much of what."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from app.health.worker_state import Lifecycle
from app.kafka.publisher import Publisher


def probe_blueprint(
    publisher: Publisher, lifecycle: Lifecycle, exposition: Callable[[], bytes]
) -> Blueprint:
    """Return the routes; `exposition` renders the metrics as Prometheus text."""
    blueprint = Blueprint("probes", __name__)

    @blueprint.get("/healthz")
    def healthz() -> tuple[Response, int]:
        """Answer 200 as long as the workers serve: never depends on Kafka."""
        reasons = lifecycle.not_alive()
        if reasons:
            return jsonify(status="stuck", reasons=reasons), 503
        return jsonify(status="alive"), 200

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Answer 200 when every worker has started and this one takes bids, else 503 and why."""
        reasons = publisher.not_ready() + lifecycle.not_ready()
        if reasons:
            return jsonify(status="not ready", reasons=reasons), 503
        return jsonify(status="ready"), 200

    @blueprint.get("/metrics")
    def metrics() -> Response:
        """Answer with the counts of all workers."""
        return Response(exposition(), content_type=CONTENT_TYPE_LATEST)

    return blueprint
