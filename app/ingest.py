"""From a request to an acknowledged record: the whole job of this service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.kafka.publisher import Acknowledged, Publisher, Record
from app.validation import strict_json
from app.validation.validator import Validation, ValidationResult, enforce_openrtb26


@dataclass(frozen=True)
class Accepted:
    """A bid request of `size` bytes that all in-sync replicas hold, and what was found in it."""

    id: str
    size: int
    at: Acknowledged
    validation: ValidationResult

    def body(self) -> dict[str, Any]:
        """Return the answer: id, topic, partition (int) and offset (int)."""
        return {
            "id": self.id,
            "status": "accepted",
            "topic": self.at.topic,
            "partition": self.at.partition,
            "offset": self.at.offset,
        }


class Ingest:
    """Checks and publishes one bid request at a time, from any thread; knows nothing of HTTP."""

    def __init__(
        self,
        publisher: Publisher,
        validate: Validation | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the publisher and the clock (epoch seconds).

        `validate` decides on each document; OpenRTB 2.6 is enforced unless another is given.
        """
        self._publisher = publisher
        self._validate = validate or enforce_openrtb26()
        self._now = now

    def accept(self, body: bytes, headers: Mapping[str, str]) -> Accepted:
        """Return where the bid request stands; raise a Problem if it stands nowhere for sure.

        `body` is put on the topic as it is. So are `headers`, by their names in lower case: those
        of the request that concern whoever reads the record.
        """
        received_at = int(self._now() * 1000)
        document = strict_json.parse(body)
        result = self._validate(document)
        bid_id: str = document["id"]
        own = _headers(received_at, headers)
        record = Record(bid_id.encode(), body, (*own, *_validation_headers(result)))
        return Accepted(bid_id, len(body), self._publisher.publish(record), result)


def _headers(received_at: int, given: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    yield "content-type", b"application/json"
    yield "received-at", str(received_at).encode()
    for name, value in given.items():
        yield name, value.encode()


def _validation_headers(result: ValidationResult) -> Iterator[tuple[str, bytes]]:
    if result.warnings:
        yield "validation-warnings", ",".join(sorted(result.warnings)).encode()
    if result.violations:
        rules = {violation.rule for violation in result.violations}
        yield "validation-violations", ",".join(sorted(rules)).encode()
