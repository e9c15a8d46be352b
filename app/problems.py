"""The problems for which a request is refused: a closed set, each with its answer (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Literal

from app.schema.violation import Violation

_JSON = json.JSONEncoder(separators=(",", ":"))
Delivery = Literal["none", "unknown"]


class Problem(Exception):
    """A request that is answered with something other than 202.

    `code` is a stable slug for logs, metrics and clients; `detail` is for a person. Nothing of
    the request's content is put in either.
    """

    status: HTTPStatus
    code: str

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def members(self) -> dict[str, Any]:
        """Extension members of the problem document (RFC 9457 section 3.2)."""
        return {}

    def headers(self) -> dict[str, str]:
        """Response headers beyond the content type."""
        return {}

    def log_fields(self) -> dict[str, Any]:
        """Return what the log line says on top of the code."""
        return {"reason": self.detail}

    def document(self) -> dict[str, Any]:
        """Return the problem document (RFC 9457 section 3.1)."""
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
            **self.members(),
        }

    def body(self) -> bytes:
        """Return the problem document as it is sent."""
        return _JSON.encode(self.document()).encode("ascii") + b"\n"


class MalformedBody(Problem):
    """The body is not one JSON object in UTF-8, or not the gzip stream that it claims to be."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed-body"


class InvalidBidRequest(Problem):
    """The body is JSON and breaks a rule of the schema in force, OpenRTB 2.6 by default."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid-bid-request"

    most_reported: ClassVar[int] = 20

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("The bid request is not valid; `errors` says where.")
        self.violations = violations[: self.most_reported]
        self.found = len(violations)

    def members(self) -> dict[str, Any]:
        """List the broken rules, and how many were found."""
        return {
            "errors": [
                {"path": each.path, "rule": each.rule, "message": each.message}
                for each in self.violations
            ],
            "error_count": self.found,
        }

    def log_fields(self) -> dict[str, Any]:
        """Say where which rule is broken."""
        return {"errors": [f"{each.path}: {each.rule}" for each in self.violations]}


class TooLarge(Problem):
    """The body, inflated, is over the limit of this server or of the topic."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too-large"


class UnsupportedMedia(Problem):
    """A content type other than JSON, or an encoding other than gzip."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported-media-type"

    def headers(self) -> dict[str, str]:
        """Say what is supported (RFC 9110 section 15.5.16)."""
        return {"Accept": "application/json", "Accept-Encoding": "gzip"}


class RequestTimeout(Problem):
    """The request did not arrive whole within the read timeout."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request-timeout"

    def headers(self) -> dict[str, str]:
        """Announce the end of the connection (RFC 9110 section 15.5.9)."""
        return {"Connection": "close"}


class HeadTooLarge(Problem):
    """The request line and headers are over the limit of this server."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "head-too-large"


class MalformedRequest(Problem):
    """The bytes are no request of HTTP/1.1, and nobody knows where the next one begins."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed-request"


class UriTooLong(Problem):
    """The request line is over the limit of this server."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "uri-too-long"


class ExpectationFailed(Problem):
    """The client expects something other than to be told to go on (RFC 9110 section 10.1.1)."""

    status = HTTPStatus.EXPECTATION_FAILED
    code = "expectation-failed"


class UnsupportedCoding(Problem):
    """A transfer coding that this server does not know (RFC 9112 section 6.1)."""

    status = HTTPStatus.NOT_IMPLEMENTED
    code = "unsupported-transfer-coding"


class NotServed(Problem):
    """The routes rule it out: there is no such path, or not with this method, and so on."""

    def __init__(
        self, status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self._headers = dict(headers)

    def headers(self) -> dict[str, str]:
        """Return those of the routing, as `Allow`."""
        return self._headers


class InternalError(Problem):
    """Something that was not foreseen; the record may be on the topic."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal-error"

    def __init__(self) -> None:
        super().__init__("This failed here, for a reason in the log.")

    def members(self) -> dict[str, Any]:
        """Say that the record may turn up on the topic."""
        return {"delivery": "unknown"}


class Unavailable(Problem):
    """The record is not acknowledged; `delivery` says whether it may turn up on the topic.

    "none": it is certainly not there. "unknown": it may be, and a client that tries again should
    send the same id.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "not-acknowledged"
    retry_after_s: ClassVar[int] = 1

    def __init__(self, detail: str, delivery: Delivery) -> None:
        super().__init__(detail)
        self.delivery = delivery

    def members(self) -> dict[str, Any]:
        """Say whether the record may turn up on the topic."""
        return {"delivery": self.delivery}

    def log_fields(self) -> dict[str, Any]:
        """Say whether the record may turn up on the topic."""
        return {"reason": self.detail, "delivery": self.delivery}

    def headers(self) -> dict[str, str]:
        """Say when to try again (RFC 9110 section 10.2.3)."""
        return {"Retry-After": str(self.retry_after_s)}


class DeliveryUnknown(Unavailable):
    """The record was sent, and no answer came in time: only the topic can tell."""

    code = "delivery-unknown"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "unknown")


class Overloaded(Unavailable):
    """As much waits in this process as may; nothing of this request was handed to Kafka."""

    code = "overloaded"

    def __init__(self) -> None:
        super().__init__("Too much waits in this process already.", "none")


class KafkaUnavailable(Unavailable):
    """Kafka was not reached, or the topic does not exist, or may not be written to."""

    code = "kafka-unavailable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "none")
