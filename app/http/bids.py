"""What is done with a bid request over HTTP: one answer, one log line and one count each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from app.ingest import Accepted, Intake
from app.metrics import IngestMetrics
from app.problems import InternalError, InvalidBidRequest, Refusal
from app.traceparent import trace_id
from app.validation.validator import Verdict
from common.logs import get_logger

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True)
class Answer:
    """An HTTP response, and how it is counted and logged."""

    status: HTTPStatus
    content_type: str
    body: bytes
    outcome: str
    log_fields: dict[str, Any]
    further_headers: dict[str, str] = field(default_factory=dict)

    @property
    def status_line(self) -> str:
        """The status with its phrase."""
        return f"{self.status.value} {self.status.phrase}"

    def headers(self) -> list[tuple[str, str]]:
        """Return every header of the response."""
        length = str(len(self.body))
        own = [("Content-Type", self.content_type), ("Content-Length", length)]
        return [*own, *self.further_headers.items()]


class BidHandler:
    """Answers POST /bid: 202 if and only if all in-sync replicas have the record."""

    def __init__(
        self,
        intake: Intake,
        metrics: IngestMetrics,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what does the work, and what counts it."""
        self._intake = intake
        self._metrics = metrics
        self._monotonic = monotonic
        self._log = get_logger()

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Return the one answer to a request; never raises."""
        with self._metrics.in_flight.track_inprogress():
            started = self._monotonic()
            self._metrics.received.inc()
            traceparent = self._intake.traceparent(environ)
            answer = self._answer(environ, traceparent)
            self._note(answer, self._monotonic() - started, traceparent)
            return answer

    def _answer(self, environ: WSGIEnvironment, traceparent: str) -> Answer:
        try:
            return self._accepted(self._intake.accept(environ, traceparent))
        except Refusal as refusal:
            return self._refused(refusal)
        except Exception:  # noqa: BLE001  every request that was counted as received gets its outcome
            self._log.exception("failed")
            return self._refused(InternalError("This failed here, for a reason in the log."))

    def _note(self, answer: Answer, took_s: float, traceparent: str) -> None:
        self._metrics.note_answer(answer.outcome, took_s)
        self._log.info(
            **answer.log_fields,
            status=answer.status.value,
            latency_ms=round(took_s * 1000, 2),
            trace_id=trace_id(traceparent),
        )

    def _accepted(self, accepted: Accepted) -> Answer:
        self._metrics.body.observe(accepted.size)
        self._count(accepted.verdict)
        body = accepted.body()
        fields = {name: value for name, value in body.items() if name != "status"}
        return Answer(
            HTTPStatus.ACCEPTED,
            "application/json",
            _encoded(body),
            "accepted",
            {"event": "bid accepted", **fields},
        )

    def _count(self, verdict: Verdict) -> None:
        for rule in verdict.warnings:
            self._metrics.warnings.labels(rule).inc()
        for violation in verdict.violations:
            self._metrics.tolerated.labels(violation.rule).inc()
        if verdict.disputed is not None:
            self._metrics.disputed.inc()
            self._log.error("compiled check disputed", path=verdict.disputed)

    def _refused(self, refusal: Refusal) -> Answer:
        if isinstance(refusal, InvalidBidRequest):
            for violation in refusal.violations:
                self._metrics.violations.labels(violation.rule).inc()
        return Answer(
            refusal.status,
            "application/problem+json",
            _encoded(refusal.problem()),
            refusal.code,
            {"event": "bid refused", "code": refusal.code, **refusal.log_fields()},
            refusal.headers(),
        )


def _encoded(document: dict[str, Any]) -> bytes:
    return _JSON.encode(document).encode("ascii") + b"\n"
