"""HTTP calls to the ingest, as an exchange makes them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

JSON_TYPE = {"content-type": "application/json"}


@dataclass(frozen=True)
class Response:
    """One answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float = 0.0

    @classmethod
    def read(cls, answer: http.client.HTTPResponse, began: float) -> Self:
        """Read an answer to its end; `began` is when its request was sent, by time.monotonic."""
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return cls(answer.status, headers, answer.read(), time.monotonic() - began)

    @property
    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty one when it is not."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Http(Protocol):
    """Calls one server."""

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        """Send one request and return its answer; raise OSError or HTTPException without one."""


class IngestHttp:
    """Calls one address, over a new connection each time."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host = host
        self._port = port

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        """Send one request and return its answer; see Http."""
        start = time.monotonic()
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        try:
            connection.request(
                method, path, body or None, {"connection": "close", **(headers or {})}
            )
            return Response.read(connection.getresponse(), start)
        finally:
            connection.close()
