"""POST /bid: one answer, one log line and one count for each request, by either way in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from random import randbytes
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from flask import Blueprint, Response, request

from app.http.answer import Answer, error_response
from app.http.body import read_body
from app.ingest import Accepted, Ingest
from app.metrics import IngestMetrics
from app.problems import InternalError, InvalidBidRequest, Problem
from common import traceparent
from common.event_log import EventLog
from common.logs import get_logger, json_line

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BID_ACCEPTED = "bid accepted"  # as the log calls it


class _AcceptedLine(msgspec.Struct, gc=False):
    """The members of the log's line on an accepted bid, in order."""

    id: str
    topic: str
    partition: int
    offset: int
    status: int
    latency_ms: float
    trace_id: str


class _End(NamedTuple):
    """The end of a bid request: its answer, the outcome that is counted, and the result itself."""

    answer: Answer
    outcome: str
    result: Accepted | Problem


class BidHandler:
    """Answers POST /bid: 202 if and only if all in-sync replicas have the record."""

    def __init__(  # noqa: PLR0913, PLR0917  its parts, and what differs in tests
        self,
        ingest: Ingest,
        metrics: IngestMetrics,
        max_body_bytes: int,
        log: EventLog,
        monotonic: Callable[[], float] = time.monotonic,
        random_bytes: Callable[[int], bytes] = randbytes,
    ) -> None:
        self._ingest = ingest
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._monotonic = monotonic
        self._random_bytes = random_bytes
        self._accepted_log = log
        self._log = get_logger()

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Return the one answer to a request; never raises."""
        with self._metrics.in_flight.track_inprogress():
            started = self._monotonic()
            self._metrics.received.inc()
            parent = traceparent.take_or_make(environ.get("HTTP_TRACEPARENT"), self._random_bytes)
            end = self._accept(environ, parent)
            with suppress(Exception):  # what cannot be told must not make another answer of it
                self._note(end, self._monotonic() - started, parent)
            return end.answer

    def _accept(self, environ: WSGIEnvironment, parent: str) -> _End:
        try:
            body = read_body(environ, self._max_body_bytes)
            accepted = self._ingest.accept(body, _record_headers(environ, parent))
        except Problem as problem:
            return _end_with(problem)
        except Exception:  # noqa: BLE001  every request that was counted as received gets its outcome
            with suppress(Exception):
                self._log.exception("failed")
            return _end_with(InternalError())
        return _end_accepted(accepted)

    def _note(self, end: _End, took_s: float, parent: str) -> None:
        self._metrics.note_answer(end.outcome, took_s)
        self._count(end.result)
        status, ms = end.answer.status.value, round(took_s * 1000, 2)
        trace_id = traceparent.trace_id(parent)
        if isinstance(end.result, Accepted):
            bid, at = end.result, end.result.at
            line = _AcceptedLine(bid.id, at.topic, at.partition, at.offset, status, ms, trace_id)
            self._accepted_log.note(line)
            return
        said = {"code": end.outcome, **end.result.log_fields(), "status": status}
        self._log.info("bid refused", **said, latency_ms=ms, trace_id=trace_id)

    def _count(self, result: Accepted | Problem) -> None:
        if isinstance(result, InvalidBidRequest):
            for violation in result.violations:
                self._metrics.violations.labels(violation.rule).inc()
        if not isinstance(result, Accepted):
            return
        self._metrics.body.observe(result.size)
        for rule in result.validation.warnings:
            self._metrics.warnings.labels(rule).inc()
        for violation in result.validation.violations:
            self._metrics.tolerated.labels(violation.rule).inc()
        if result.validation.compiled_mismatch is not None:
            self._metrics.compiled_mismatches.inc()
            self._log.error("compiled mismatch", path=result.validation.compiled_mismatch)


def _end_accepted(accepted: Accepted) -> _End:
    body = f"{json_line(accepted.body())}\n".encode("ascii")
    return _End(Answer(HTTPStatus.ACCEPTED, "application/json", body), "accepted", accepted)


def _end_with(problem: Problem) -> _End:
    """Keep the problem without what led to it, whose frames hold the body and, by those, this end.

    Such a cycle would stay until the garbage collector runs, which counts objects and no bytes.
    """
    problem.__traceback__ = problem.__cause__ = problem.__context__ = None
    return _End(error_response(problem), problem.code, problem)


def bid_blueprint(handler: BidHandler) -> Blueprint:
    """Return the route as Flask knows it: its routing, its errors and its `Allow` header."""
    blueprint = Blueprint("bid", __name__)

    @blueprint.post("/bid")
    def bid() -> Response:
        return handler.answer(request.environ).to_flask()

    return blueprint


class BidMiddleware:
    """A WSGI application (PEP 3333) that answers bid requests and leaves all else to Flask.

    Flask's dispatch costs about as much as the rest of a request. Its view does the same with the
    same handler, so whichever way a request comes, the answer, the counts and the log line are the
    same.
    """

    def __init__(self, flask: WSGIApplication, handler: BidHandler) -> None:
        self.flask = flask
        self._handler = handler

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"] != "/bid" or environ["REQUEST_METHOD"] != "POST":
            return self.flask(environ, start_response)
        answer = self._handler.answer(environ)
        start_response(answer.status_line, answer.headers())
        return [answer.body]


def _record_headers(environ: WSGIEnvironment, parent: str) -> dict[str, str]:
    version = environ.get("HTTP_X_OPENRTB_VERSION")
    own = {"x-openrtb-version": version} if version else {}
    return {**own, traceparent.NAME: parent}
