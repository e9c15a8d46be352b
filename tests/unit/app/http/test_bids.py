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
from tests.unit.app.conftest import MAX_BODY, Ingest

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class TestAccepted:
    """A bid request that all in-sync replicas have."""

    def test_says_where_the_record_stands(self, ingest: Ingest, bid: bytes) -> None:
        """202 carries id, topic, partition and offset."""
        answer = ingest.client.post("/bid", data=bid)
        assert answer.status_code == 202
        assert answer.mimetype == "application/json"
        assert answer.json == {
            "id": "bid-1",
            "status": "accepted",
            "topic": "bid_requests",
            "partition": 0,
            "offset": 0,
        }

    def test_the_record_is_the_received_bytes(self, ingest: Ingest, bid: bytes) -> None:
        """Value, key and headers are what the contract says, byte for byte."""
        ingest.client.post(
            "/bid",
            data=bid,
            headers={"x-openrtb-version": "2.6", "traceparent": TRACEPARENT},
        )
        (record,) = ingest.publisher.records
        assert (record.key, record.value) == (b"bid-1", bid)
        assert record.headers == (
            ("content-type", b"application/json"),
            ("received-at", b"1700000000123"),
            ("x-openrtb-version", b"2.6"),
            ("traceparent", TRACEPARENT.encode()),
        )

    def test_a_gzip_body_is_inflated_on_the_topic(self, ingest: Ingest, bid: bytes) -> None:
        """Consumers never see the transport's compression."""
        answer = ingest.client.post(
            "/bid", data=gzip.compress(bid), headers={"Content-Encoding": "gzip"}
        )
        assert answer.status_code == 202
        assert ingest.publisher.records[0].value == bid

    def test_a_request_without_trace_starts_one(self, ingest: Ingest, bid: bytes) -> None:
        """Without traceparent the record carries a new one; without version it carries none."""
        ingest.client.post("/bid", data=bid)
        headers = dict(ingest.publisher.records[0].headers)
        assert headers["traceparent"] == f"00-{'aa' * 16}-{'aa' * 8}-01".encode()
        assert "x-openrtb-version" not in headers

    def test_is_logged_in_one_line(self, ingest: Ingest, bid: bytes) -> None:
        """The line names id, place, status, time and trace, and nothing of the content."""
        with capture_logs() as lines:
            ingest.client.post("/bid", data=bid, headers={"traceparent": TRACEPARENT})
        (line,) = lines
        assert line.pop("latency_ms") >= 0
        assert line == {
            "event": "bid accepted",
            "log_level": "info",
            "id": "bid-1",
            "topic": "bid_requests",
            "partition": 0,
            "offset": 0,
            "status": 202,
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
        }

    @pytest.mark.parametrize("lost", ["log", "count"])
    def test_what_cannot_be_told_changes_no_answer(
        self, ingest: Ingest, bid: bytes, monkeypatch: pytest.MonkeyPatch, lost: str
    ) -> None:
        """202 stays 202 where the log or the counts cannot be written, and a refusal a refusal."""

        def fail(*_args: object, **_fields: object) -> None:
            raise OSError(errno.EPIPE, "Broken pipe")

        if lost == "log":
            monkeypatch.setattr(structlog.PrintLogger, "msg", fail)
        else:
            monkeypatch.setattr(IngestMetrics, "note_answer", fail)
        assert ingest.client.post("/bid", data=bid).status_code == 202
        assert ingest.client.post("/bid", data=b"{").status_code == 400

    def test_is_counted(self, ingest: Ingest, bid: bytes) -> None:
        """Requests, duration and size count it once; nothing stays in flight."""
        ingest.client.post("/bid", data=bid)
        assert ingest.count("ingest_requests_total", outcome="accepted") == 1
        assert ingest.count("ingest_request_duration_seconds_count", outcome="accepted") == 1
        assert ingest.count("ingest_request_body_bytes_sum") == len(bid)
        assert ingest.count("ingest_requests_in_flight") == 0


REFUSALS: list[tuple[Problem, int, str]] = [
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


class TestRefused:
    """A bid request that is not on the topic, or not for sure."""

    @pytest.mark.parametrize(("refusal", "status", "code"), REFUSALS)
    def test_each_refusal_has_its_status(
        self, ingest: Ingest, bid: bytes, refusal: Problem, status: int, code: str
    ) -> None:
        """Every member of the closed set is a problem document with its status and code."""
        ingest.publisher.refuses_with = refusal
        answer = ingest.client.post("/bid", data=bid)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.json is not None
        assert (answer.json["status"], answer.json["code"]) == (status, code)
        assert set(answer.json) >= {"type", "title", "detail"}
        assert ingest.count("ingest_requests_total", outcome=code) == 1

    def test_the_closed_set_is_covered(self) -> None:
        """No refusal exists that the table above forgets."""
        leaves, todo = set(), [Problem]
        while todo:
            kind = todo.pop()
            todo += kind.__subclasses__()
            leaves |= {kind} - {Problem}
        assert leaves == {type(refusal) for refusal, _, _ in REFUSALS}

    @pytest.mark.parametrize("delivery", ["none", "unknown"])
    def test_503_says_when_to_retry_and_whether_it_may_turn_up(
        self, ingest: Ingest, bid: bytes, delivery: str
    ) -> None:
        """Retry-After is there, and `delivery` tells a client whether to expect a duplicate."""
        ingest.publisher.refuses_with = Unavailable("late", delivery)  # type: ignore[arg-type]
        answer = ingest.client.post("/bid", data=bid)
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json is not None
        assert answer.json["delivery"] == delivery

    def test_a_broken_rule_is_explained(self, ingest: Ingest) -> None:
        """400 lists path, rule and message; nothing is published."""
        answer = ingest.client.post("/bid", data=b'{"id":"1","imp":[]}')
        assert answer.status_code == 400
        assert answer.json is not None
        (error,) = answer.json["errors"]
        assert set(error) == {"path", "rule", "message"}
        assert error["path"] == "imp"
        assert ingest.publisher.records == []
        assert ingest.count("ingest_violations_total", rule=error["rule"]) == 1

    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (b"{", {}, 400),
            (b"[]", {}, 400),
            (b"x" * (MAX_BODY + 1), {}, 413),
            (gzip.compress(b" " * (MAX_BODY + 1), mtime=0), {"Content-Encoding": "gzip"}, 413),
            (b"{}", {"Content-Encoding": "br"}, 415),
            (b"{}", {"Content-Type": "text/plain"}, 415),
        ],
    )
    def test_a_bad_body_never_reaches_the_topic(
        self, ingest: Ingest, body: bytes, headers: dict[str, str], status: int
    ) -> None:
        """Bad syntax, size, type and encoding have their statuses and publish nothing."""
        assert ingest.client.post("/bid", data=body, headers=headers).status_code == status
        assert ingest.publisher.records == []

    def test_is_logged_with_its_reason(self, ingest: Ingest) -> None:
        """The line names code and status, and which rules were broken where."""
        with capture_logs() as lines:
            ingest.client.post("/bid", data=b'{"id":"1","imp":[]}')
        (line,) = lines
        assert (line["event"], line["code"], line["status"]) == (
            "bid refused",
            "invalid-bid-request",
            400,
        )
        assert line["errors"][0].startswith("imp: ")


class TestOtherRequests:
    """What is not a POST to /bid."""

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("/bid", 405, "method-not-allowed"),
            ("/nowhere", 404, "not-found"),
            ("/", 404, "not-found"),
        ],
    )
    def test_flasks_own_refusals_are_problem_documents(
        self, ingest: Ingest, path: str, status: int, code: str
    ) -> None:
        """404 and 405 look like every other refusal, code included."""
        answer = ingest.client.get(path)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.json is not None
        assert answer.json.keys() == MalformedBody("m").document().keys()
        assert (answer.json["status"], answer.json["code"]) == (status, code)
        assert int(answer.headers["Content-Length"]) == len(answer.data)

    def test_a_defect_of_a_view_is_one_as_well(self, ingest: Ingest) -> None:
        """Whatever a view raises: 500 is a problem document with the code that /bid has for it."""

        def defect() -> tuple[str, ...]:
            raise ZeroDivisionError

        ingest.publisher.not_ready = defect  # type: ignore[method-assign]  # what /readyz asks
        ingest.client.application.config["PROPAGATE_EXCEPTIONS"] = False
        answer = ingest.client.get("/readyz")
        assert answer.json is not None
        assert (answer.status_code, answer.json["code"]) == (500, "internal-error")

    def test_405_names_what_is_allowed(self, ingest: Ingest) -> None:
        """The Allow header is kept (RFC 9110 section 15.5.6)."""
        assert "POST" in ingest.client.put("/bid").headers["Allow"]


def test_an_error_is_a_path_a_rule_and_a_message() -> None:
    """The shape of an error is fixed: partners parse it."""
    members = InvalidBidRequest([Violation("required", "m", "imp[0].id")]).members()
    assert members == {
        "errors": [{"path": "imp[0].id", "rule": "required", "message": "m"}],
        "error_count": 1,
    }


def test_many_errors_are_counted_and_twenty_are_shown() -> None:
    """A hostile body does not make a large answer."""
    members = InvalidBidRequest([Violation("type", "m", "imp")] * 1000).members()
    assert (len(members["errors"]), members["error_count"]) == (20, 1000)
