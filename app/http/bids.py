"""POST /bid: one answer, one log line and one count for each request, by either way in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from app.http.answer import Answer, refuse
from app.http.body import read_body
from app.ingest import Accepted, Ingest
from app.metrics import IngestMetrics
from app.problems import InternalError, InvalidBidRequest, Refusal
from app.validation.validator import Verdict
from common import traceparent
from common.logs import get_logger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True)
class _End:
    """How a bid request ended: its answer, and as what it is counted and logged."""

    answer: Answer
    outcome: str
    log_fields: dict[str, Any]


class BidHandler:
    """Answers POST /bid: 202 if and only if all in-sync replicas have the record."""

    def __init__(
        self,
        ingest: Ingest,
        metrics: IngestMetrics,
        max_body_bytes: int,
        monotonic: Callable[[], float] = time.monotonic,
        random_bytes: Callable[[int], bytes] = token_bytes,
    ) -> None:
        """Take what does the work, what counts it, the limit of a body, the clock and the dice."""
        self._ingest = ingest
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._monotonic = monotonic
        self._random_bytes = random_bytes
        self._log = get_logger()

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Return the one answer to a request; never raises."""
        with self._metrics.in_flight.track_inprogress():
            started = self._monotonic()
            self._metrics.received.inc()
            parent = traceparent.take_or_make(environ.get("HTTP_TRACEPARENT"), self._random_bytes)
            end = self._accept(environ, parent)
            self._note(end, self._monotonic() - started, parent)
            return end.answer

    def _accept(self, environ: WSGIEnvironment, parent: str) -> _End:
        try:
            body = read_body(environ, self._max_body_bytes)
            return self._accepted(self._ingest.accept(body, _for_the_record(environ, parent)))
        except Refusal as refusal:
            return self._refused(refusal)
        except Exception:  # noqa: BLE001  every request that was counted as received gets its outcome
            self._log.exception("failed")
            return self._refused(InternalError("This failed here, for a reason in the log."))

    def _note(self, end: _End, took_s: float, parent: str) -> None:
        self._metrics.note_answer(end.outcome, took_s)
        self._log.info(
            **end.log_fields,
            status=end.answer.status.value,
            latency_ms=round(took_s * 1000, 2),
            trace_id=traceparent.trace_id(parent),
        )

    def _accepted(self, accepted: Accepted) -> _End:
        self._metrics.body.observe(accepted.size)
        self._count(accepted.verdict)
        body = accepted.body()
        fields = {name: value for name, value in body.items() if name != "status"}
        answer = Answer(HTTPStatus.ACCEPTED, "application/json", _encoded(body))
        return _End(answer, "accepted", {"event": "bid accepted", **fields})

    def _count(self, verdict: Verdict) -> None:
        for rule in verdict.warnings:
            self._metrics.warnings.labels(rule).inc()
        for violation in verdict.violations:
            self._metrics.tolerated.labels(violation.rule).inc()
        if verdict.disputed is not None:
            self._metrics.disputed.inc()
            self._log.error("compiled check disputed", path=verdict.disputed)

    def _refused(self, refusal: Refusal) -> _End:
        if isinstance(refusal, InvalidBidRequest):
            for violation in refusal.violations:
                self._metrics.violations.labels(violation.rule).inc()
        fields = {"event": "bid refused", "code": refusal.code, **refusal.log_fields()}
        return _End(refuse(refusal), refusal.code, fields)


def bid_blueprint(handler: BidHandler) -> Blueprint:
    """Return the route as Flask knows it: its routing, its errors and its `Allow` header."""
    blueprint = Blueprint("bid", __name__)

    @blueprint.post("/bid")
    def bid() -> Response:
        return handler.answer(request.environ).to_flask()

    return blueprint


class ShortPath:
    """A WSGI application (PEP 3333) that answers bid requests and leaves all else to Flask.

    Flask's dispatch costs about as much as the rest of a request. Its view does the same with the
    same handler, so whichever way a request comes, the answer, the counts and the log line are the
    same.
    """

    def __init__(self, flask: WSGIApplication, handler: BidHandler) -> None:
        """Stand in front of `flask`."""
        self.flask = flask
        self._handler = handler

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"] != "/bid" or environ["REQUEST_METHOD"] != "POST":
            return self.flask(environ, start_response)
        answer = self._handler.answer(environ)
        start_response(answer.status_line, answer.headers())
        return [answer.body]


def _for_the_record(environ: WSGIEnvironment, parent: str) -> dict[str, str]:
    version = environ.get("HTTP_X_OPENRTB_VERSION")
    own = {"x-openrtb-version": version} if version else {}
    return {**own, traceparent.NAME: parent}


def _encoded(document: dict[str, Any]) -> bytes:
    return _JSON.encode(document).encode("ascii") + b"\n"
