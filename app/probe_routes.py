"""What Kubernetes and Prometheus ask: alive, ready, and how much of what."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from app.publisher import Publisher


def probe_blueprint(publisher: Publisher, exposition: Callable[[], bytes]) -> Blueprint:
    """Return the routes; `exposition` renders the metrics as Prometheus text."""
    blueprint = Blueprint("probes", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        """Answer 200 as long as this process serves: never depends on Kafka."""
        return jsonify(status="alive")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Answer 200 when a bid request can be taken, else 503 with the reasons."""
        reasons = publisher.not_ready()
        if reasons:
            return jsonify(status="not ready", reasons=reasons), 503
        return jsonify(status="ready"), 200

    @blueprint.get("/metrics")
    def metrics() -> Response:
        """Answer with the counts of all workers."""
        return Response(exposition(), content_type=CONTENT_TYPE_LATEST)

    return blueprint
