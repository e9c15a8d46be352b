"""POST /bid: one answer, one log line and one count for each request, by either way in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

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
            answer = self._answer(environ, parent)
            self._note(answer, self._monotonic() - started, parent)
            return answer

    def _answer(self, environ: WSGIEnvironment, parent: str) -> Answer:
        try:
            body = read_body(environ, self._max_body_bytes)
            return self._accepted(self._ingest.accept(body, _for_the_record(environ, parent)))
        except Refusal as refusal:
            return self._refused(refusal)
        except Exception:  # noqa: BLE001  every request that was counted as received gets its outcome
            self._log.exception("failed")
            return self._refused(InternalError("This failed here, for a reason in the log."))

    def _note(self, answer: Answer, took_s: float, parent: str) -> None:
        self._metrics.note_answer(answer.outcome, took_s)
        self._log.info(
            **answer.log_fields,
            status=answer.status.value,
            latency_ms=round(took_s * 1000, 2),
            trace_id=traceparent.trace_id(parent),
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


def bid_blueprint(handler: BidHandler) -> Blueprint:
    """Return the route as Flask knows it: its routing, its errors and its `Allow` header."""
    blueprint = Blueprint("bid", __name__)

    @blueprint.post("/bid")
    def bid() -> Response:
        answer = handler.answer(request.environ)
        return Response(answer.body, answer.status_line, answer.headers())

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
