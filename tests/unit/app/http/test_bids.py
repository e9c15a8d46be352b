"""POST /bid: one explicit answer for whatever comes in."""

from __future__ import annotations

import errno
import gzip
from http import HTTPStatus

import pytest
import structlog
from structlog.testing import capture_logs

from app.metrics import IngestMetrics
from app.problems import (
    DeliveryUnknown,
    ExpectationFailed,
    HeadTooLarge,
    InternalError,
    InvalidBidRequest,
    KafkaUnavailable,
    MalformedBody,
    MalformedRequest,
    NotServed,
    Overloaded,
    Problem,
    RequestTimeout,
    TooLarge,
    Unavailable,
    UnsupportedCoding,
    UnsupportedMedia,
    UriTooLong,
)
from app.schema.violation import Violation
from tests.support.garbage import kept_by_cycles
from tests.unit.app.conftest import MAX_BODY, Ingest

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GZIP = {"Content-Encoding": "gzip"}


class TestAccepted:
    """A bid request that all in-sync replicas have."""

    @pytest.mark.promise("acknowledged")
    def test_says_where_the_record_stands(self, ingest: Ingest, bid: bytes) -> None:
        """202 carries id, topic, partition and offset, once in the log and once in the counts."""
        with capture_logs() as lines:
            answer = ingest.client.post("/bid", data=bid, headers={"traceparent": TRACEPARENT})
        assert (answer.status_code, answer.mimetype) == (202, "application/json")
        place = {"id": "bid-1", "topic": "bid_requests", "partition": 0, "offset": 0}
        assert answer.json == {**place, "status": "accepted"}
        (line,) = lines
        assert line.pop("latency_ms") >= 0
        assert line == {
            **place,
            "event": "bid accepted",
            "log_level": "info",
            "status": 202,
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
        }
        assert ingest.count("ingest_received_total") == 1
        assert ingest.count("ingest_requests_total", outcome="accepted") == 1
        assert ingest.count("ingest_request_duration_seconds_count", outcome="accepted") == 1
        assert ingest.count("ingest_request_body_bytes_sum") == len(bid)
        assert ingest.count("ingest_requests_in_flight") == 0

    @pytest.mark.promise("same-bytes")
    def test_the_record_is_the_received_bytes(self, ingest: Ingest, bid: bytes) -> None:
        """Value, key and headers are what the contract says, byte for byte; a trace is made."""
        given = {"x-openrtb-version": "2.6", "traceparent": TRACEPARENT}
        ingest.client.post("/bid", data=bid, headers=given)
        ingest.client.post("/bid", data=gzip.compress(bid), headers=GZIP)
        own = (("content-type", b"application/json"), ("received-at", b"1700000000123"))
        made = f"00-{'aa' * 16}-{'aa' * 8}-01".encode()
        first, inflated = ingest.publisher.records
        assert (first.key, first.value) == (inflated.key, inflated.value) == (b"bid-1", bid)
        assert first.headers == (
            *own,
            ("x-openrtb-version", b"2.6"),
            ("traceparent", TRACEPARENT.encode()),
        )
        assert inflated.headers == (*own, ("traceparent", made))

    @pytest.mark.promise("acknowledged")
    @pytest.mark.parametrize(
        ("lost", "name"), [(structlog.PrintLogger, "msg"), (IngestMetrics, "note_answer")]
    )
    def test_what_cannot_be_told_changes_no_answer(
        self, ingest: Ingest, bid: bytes, monkeypatch: pytest.MonkeyPatch, lost: type, name: str
    ) -> None:
        """202 stays 202 where the log or the counts cannot be written, and a refusal a refusal."""

        def fail(*_args: object, **_fields: object) -> None:
            raise OSError(errno.EPIPE, "Broken pipe")

        monkeypatch.setattr(lost, name, fail)
        assert ingest.client.post("/bid", data=bid).status_code == 202
        assert ingest.client.post("/bid", data=b"{").status_code == 400


PROBLEMS: list[tuple[Problem, int, str]] = [
    (MalformedBody("m"), 400, "malformed-body"),
    (InvalidBidRequest([]), 400, "invalid-bid-request"),
    (TooLarge("m"), 413, "too-large"),
    (UnsupportedMedia("m"), 415, "unsupported-media-type"),
    (RequestTimeout("m"), 408, "request-timeout"),
    (HeadTooLarge("m"), 431, "head-too-large"),
    (UriTooLong("m"), 414, "uri-too-long"),
    (MalformedRequest("m"), 400, "malformed-request"),
    (ExpectationFailed("m"), 417, "expectation-failed"),
    (UnsupportedCoding("m"), 501, "unsupported-transfer-coding"),
    (NotServed(HTTPStatus.NOT_FOUND, "not-found", "m", {}), 404, "not-found"),
    (InternalError(), 500, "internal-error"),
    (Unavailable("m", "none"), 503, "not-acknowledged"),
    (DeliveryUnknown("m"), 503, "delivery-unknown"),
    (Overloaded(), 503, "overloaded"),
    (KafkaUnavailable("m"), 503, "kafka-unavailable"),
]
REFUSED_BODIES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "empty": (b"", {}, 400),
    "syntax": (b"{", {}, 400),
    "no object": (b"[]", {}, 400),
    "spaces": (b" " * 100, {}, 400),
    "a broken rule": (b'{"id":"1","imp":[]}', {}, 400),
    "shorter than announced": (b"{}", {"Content-Length": "3"}, 400),
    "too large": (b"x" * (MAX_BODY + 1), {}, 413),
    "too large once inflated": (gzip.compress(b" " * (MAX_BODY + 1), mtime=0), GZIP, 413),
    "no gzip": (b"no gzip", GZIP, 400),
    "another encoding": (b"{}", {"Content-Encoding": "br"}, 415),
    "another type": (b"{}", {"Content-Type": "text/plain"}, 415),
}


@pytest.mark.promise("explicit")
class TestRefused:
    """A bid request that is not on the topic, or not for sure."""

    @pytest.mark.parametrize(("problem", "status", "code"), PROBLEMS)
    def test_each_problem_has_its_status(
        self, ingest: Ingest, bid: bytes, problem: Problem, status: int, code: str
    ) -> None:
        """Every member of the closed set is a problem document with its status and code.

        503 says when to try again, and whether the client is to expect a duplicate.
        """
        ingest.publisher.refuses_with = problem
        answer = ingest.client.post("/bid", data=bid)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.json is not None
        assert (answer.json["status"], answer.json["code"]) == (status, code)
        assert set(answer.json) >= {"type", "title", "detail"}
        assert ("delivery" in answer.json) == (status in {500, 503})
        assert (int(answer.headers.get("Retry-After", 0)) >= 1) == (status == 503)
        assert ingest.count("ingest_requests_total", outcome=code) == 1

    def test_the_closed_set_is_covered(self) -> None:
        """No problem exists that the table above forgets."""
        leaves, todo = set(), [Problem]
        while todo:
            kind = todo.pop()
            todo += kind.__subclasses__()
            leaves |= {kind} - {Problem}
        assert leaves == {type(problem) for problem, _, _ in PROBLEMS}

    @pytest.mark.parametrize(
        ("problem", "delivery"),
        [(KafkaUnavailable("m"), "none"), (DeliveryUnknown("m"), "unknown")],
    )
    def test_delivery_is_what_the_publisher_says(
        self, ingest: Ingest, bid: bytes, problem: Problem, delivery: str
    ) -> None:
        """Nowhere for certain, or nobody knows."""
        ingest.publisher.refuses_with = problem
        answer = ingest.client.post("/bid", data=bid)
        assert answer.json is not None
        assert answer.json["delivery"] == delivery

    @pytest.mark.promise("bounded")
    @pytest.mark.parametrize(
        ("body", "headers", "status"), REFUSED_BODIES.values(), ids=REFUSED_BODIES
    )
    def test_a_bad_body_never_reaches_the_topic(
        self, ingest: Ingest, body: bytes, headers: dict[str, str], status: int
    ) -> None:
        """Its answer says why, and no body waits for the garbage collector.

        A client that is refused again and again with the largest bodies costs no memory.
        """
        assert ingest.client.post("/bid", data=body, headers=headers).status_code == status
        with kept_by_cycles() as kept:
            for _ in range(3):
                ingest.client.post("/bid", data=body, headers=headers)
        assert kept == []
        assert ingest.publisher.records == []

    def test_a_broken_rule_is_explained(self, ingest: Ingest) -> None:
        """400 lists path, rule and message; the log has path and rule, and each rule is counted."""
        with capture_logs() as lines:
            answer = ingest.client.post("/bid", data=b'{"id":"1","imp":[]}')
        assert answer.json is not None
        (error,) = answer.json["errors"]
        assert error.keys() == {"path", "rule", "message"}
        assert (error["path"], answer.json["error_count"]) == ("imp", 1)
        assert ingest.count("ingest_violations_total", rule=error["rule"]) == 1
        (line,) = lines
        assert line["errors"] == [f"imp: {error['rule']}"]
        said = (line["event"], line["code"], line["status"])
        assert said == ("bid refused", "invalid-bid-request", 400)

    def test_many_errors_are_counted_and_twenty_are_shown(self) -> None:
        """A hostile body does not make a large answer."""
        members = InvalidBidRequest([Violation("type", "m", "imp")] * 1000).members()
        assert (len(members["errors"]), members["error_count"]) == (20, 1000)
