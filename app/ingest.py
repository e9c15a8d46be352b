"""From a request to an acknowledged record: the whole job of this service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from app.http import strict_json
from app.http.body import read_body
from app.kafka.publisher import Acknowledged, Publisher, Record
from app.traceparent import take_or_make
from app.validation.modes import Judge, enforce_openrtb26
from app.validation.validator import Verdict

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


@dataclass(frozen=True)
class Accepted:
    """A bid request of `size` bytes that all in-sync replicas hold, and what was found in it."""

    id: str
    size: int
    at: Acknowledged
    verdict: Verdict

    def body(self) -> dict[str, Any]:
        """Return the answer: id, topic, partition (int) and offset (int)."""
        return {
            "id": self.id,
            "status": "accepted",
            "topic": self.at.topic,
            "partition": self.at.partition,
            "offset": self.at.offset,
        }


class Intake:
    """Reads, checks and publishes one bid request at a time, from any thread."""

    def __init__(
        self,
        publisher: Publisher,
        max_body_bytes: int,
        now: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = token_bytes,
        judge: Judge | None = None,
    ) -> None:
        """Take the publisher, the body limit in bytes, the clock (epoch seconds) and the dice.

        `judge` decides on each document; OpenRTB 2.6 is enforced unless another is given.
        """
        self._publisher = publisher
        self._max_body_bytes = max_body_bytes
        self._now = now
        self._random_bytes = random_bytes
        self._judge = judge or enforce_openrtb26()

    def traceparent(self, environ: WSGIEnvironment) -> str:
        """Return the request's traceparent, or a new one where it has none."""
        return take_or_make(environ.get("HTTP_TRACEPARENT"), self._random_bytes)

    def accept(self, environ: WSGIEnvironment, traceparent: str) -> Accepted:
        """Return where the bid request stands; raise a Refusal if it stands nowhere for sure."""
        received_at = int(self._now() * 1000)
        raw = read_body(environ, self._max_body_bytes)
        document = strict_json.parse(raw)
        verdict = self._judge(document)
        bid_id: str = document["id"]
        headers = (*_headers(environ, received_at, traceparent), *_marks(verdict))
        record = Record(bid_id.encode(), raw, headers)
        return Accepted(bid_id, len(raw), self._publisher.publish(record), verdict)


def _headers(
    environ: WSGIEnvironment, received_at: int, traceparent: str
) -> tuple[tuple[str, bytes], ...]:
    version = environ.get("HTTP_X_OPENRTB_VERSION")
    return (
        ("content-type", b"application/json"),
        ("received-at", str(received_at).encode()),
        *((("x-openrtb-version", version.encode()),) if version else ()),
        ("traceparent", traceparent.encode()),
    )


def _marks(verdict: Verdict) -> Iterator[tuple[str, bytes]]:
    if verdict.warnings:
        yield "validation-warnings", ",".join(sorted(verdict.warnings)).encode()
    if verdict.violations:
        rules = {violation.rule for violation in verdict.violations}
        yield "validation-violations", ",".join(sorted(rules)).encode()
