"""POST /bid: one answer, one log line and one count for each request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.intake import Accepted, Intake
from app.metrics import IngestMetrics
from app.refusals import InternalError, InvalidBidRequest, Refusal
from app.traceparent import trace_id
from app.validation.validator import Verdict
from common.logs import get_logger


@dataclass(frozen=True)
class Answer:
    """A response, and how it is counted and logged."""

    response: Response
    outcome: str
    log_fields: dict[str, Any]


def bid_blueprint(
    intake: Intake, metrics: IngestMetrics, monotonic: Callable[[], float] = time.monotonic
) -> Blueprint:
    """Return the route; 202 if and only if all in-sync replicas have the record."""
    blueprint = Blueprint("bid", __name__)
    log = get_logger()

    @blueprint.post("/bid")
    @metrics.in_flight.track_inprogress()
    def bid() -> Response:
        started = monotonic()
        metrics.received.inc()
        traceparent = intake.traceparent(request)
        try:
            answer = _accepted(intake.accept(request, traceparent), metrics)
        except Refusal as refusal:
            answer = _refused(refusal, metrics)
        except Exception:  # every request that was counted as received gets its outcome
            log.exception("failed")
            answer = _refused(InternalError("This failed here, for a reason in the log."), metrics)
        took = monotonic() - started
        metrics.requests.labels(answer.outcome).inc()
        metrics.duration.labels(answer.outcome).observe(took)
        log.info(
            **answer.log_fields,
            status=answer.response.status_code,
            latency_ms=round(took * 1000, 2),
            trace_id=trace_id(traceparent),
        )
        return answer.response

    return blueprint


def _accepted(accepted: Accepted, metrics: IngestMetrics) -> Answer:
    metrics.body.observe(accepted.size)
    _count(accepted.verdict, metrics)
    response = jsonify(accepted.body())
    response.status_code = 202
    fields = {name: value for name, value in accepted.body().items() if name != "status"}
    return Answer(response, "accepted", {"event": "bid accepted", **fields})


def _count(verdict: Verdict, metrics: IngestMetrics) -> None:
    for rule in verdict.warnings:
        metrics.warnings.labels(rule).inc()
    for violation in verdict.violations:
        metrics.tolerated.labels(violation.rule).inc()
    if verdict.disputed is not None:
        metrics.disputed.inc()
        get_logger().error("compiled check disputed", path=verdict.disputed)


def _refused(refusal: Refusal, metrics: IngestMetrics) -> Answer:
    if isinstance(refusal, InvalidBidRequest):
        for violation in refusal.violations:
            metrics.violations.labels(violation.rule).inc()
    response = jsonify(refusal.problem())
    response.status_code = refusal.status
    response.mimetype = "application/problem+json"
    response.headers.update(refusal.headers())
    fields = {"event": "bid refused", "code": refusal.code, **refusal.log_fields()}
    return Answer(response, refusal.code, fields)
