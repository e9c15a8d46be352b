"""An HTTP response as the application makes it, and the one way to make it from a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import Response

from app.problems import Problem


@dataclass(frozen=True)
class Answer:
    """Status, headers and body; nothing of how it came about."""

    status: HTTPStatus
    content_type: str
    body: bytes
    further_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status_line(self) -> str:
        """The status with its phrase."""
        return f"{self.status.value} {self.status.phrase}"

    def headers(self) -> list[tuple[str, str]]:
        """Return every header of the response."""
        length = str(len(self.body))
        own = [("Content-Type", self.content_type), ("Content-Length", length)]
        return [*own, *self.further_headers.items()]

    def to_flask(self) -> Response:
        """Return the same for a view to return."""
        return Response(self.body, self.status_line, self.headers())


def error_response(problem: Problem) -> Answer:
    """Return the problem document (RFC 9457) that says why a request is refused."""
    return Answer(problem.status, "application/problem+json", problem.body(), problem.headers())
