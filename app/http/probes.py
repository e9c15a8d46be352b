"""The endpoints of Kubernetes and Prometheus: liveness, readiness and metrics."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from app.health.worker_state import WorkerState
from app.kafka.publisher import Publisher


def probe_blueprint(publisher: Publisher, worker_state: WorkerState, *, reasons: bool) -> Blueprint:
    """Return the routes; without `reasons` they say whether, and not why.

    A reason names brokers, topics and processes: what is not everybody's business.
    """
    blueprint = Blueprint("probes", __name__)

    @blueprint.get("/healthz")
    def healthz() -> tuple[Response, int]:
        """Answer 200 as long as the workers serve: never depends on Kafka."""
        return state("alive", "stuck", worker_state.not_alive())

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Answer 200 when every worker has started and this one takes bids, else 503."""
        return state("ready", "not ready", publisher.not_ready() + worker_state.not_ready())

    def state(well: str, unwell: str, why: tuple[str, ...]) -> tuple[Response, int]:
        if not why:
            return jsonify(status=well), 200
        return jsonify(status=unwell, **({"reasons": why} if reasons else {})), 503

    return blueprint


def metrics_blueprint(exposition: Callable[[], bytes]) -> Blueprint:
    """Return the route; `exposition` renders the metrics as Prometheus text."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        """Answer with the counts of all workers."""
        return Response(exposition(), content_type=CONTENT_TYPE_LATEST)

    return blueprint
