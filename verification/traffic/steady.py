"""A steady, bounded stream of bid requests, each with an id of its own."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

from verification.clock import Clock
from verification.traffic.http import JSON_TYPE, Http, Response
from verification.traffic.ledger import Attempt, Outcome

MAX_REQUESTS = 20_000
_TIMEOUT_S = 10.0
_ACCEPTED = 202


def bid_request(bid_id: str) -> bytes:
    """Return a small valid OpenRTB 2.6 bid request."""
    request: dict[str, Any] = {
        "id": bid_id,
        "at": 1,
        "tmax": 120,
        "imp": [{"id": "1", "banner": {"w": 300, "h": 250}, "bidfloor": 0.1}],
        "site": {"id": "s1", "domain": "example.com", "page": "https://example.com/"},
    }
    return json.dumps(request).encode()


def judge(response: Response) -> Outcome:
    """Say what an answer tells the sender of its request's fate."""
    if response.status == _ACCEPTED:
        return Outcome.ACCEPTED
    refused = 400 <= response.status < 500  # noqa: PLR2004  HTTP: the request is at fault
    if refused or response.json.get("delivery") == "none":
        return Outcome.REFUSED
    return Outcome.INDETERMINATE


class SteadyLoad:
    """Has its clock send `rate` requests a second until left; then all are settled.

    Requests are started by the clock, never by the answers to earlier ones, so that a slow server
    meets the same load as a fast one. At most MAX_REQUESTS are sent.
    """

    def __init__(self, call: Http, clock: Clock, *, prefix: str, rate: float) -> None:
        self._http = call
        self._clock = clock
        self._prefix = prefix
        self._rate = rate
        self._attempts: list[Attempt] = []
        self._sending = clock.meanwhile(self._requests())
        self.start = clock.monotonic()
        self.sent = 0

    def settled(self) -> list[Attempt]:
        """Return the attempts that have ended, while the load goes on."""
        return self._attempts.copy()

    def attempts(self) -> tuple[Attempt, ...]:
        """Return all attempts in the order of sending; to be called after the load has ended."""
        return tuple(sorted(self._attempts, key=lambda attempt: attempt.sent_s))

    def __enter__(self) -> Self:
        """Begin to send."""
        self.start = self._clock.monotonic()
        self._sending.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop sending and wait for the answers that are still out."""
        self._sending.__exit__(kind, error, trace)

    def _requests(self) -> Iterator[tuple[float, Callable[[], None]]]:
        for number in range(MAX_REQUESTS):
            yield self.start + number / self._rate, partial(self._send, f"{self._prefix}-{number}")
            self.sent += 1

    def _send(self, bid_id: str) -> None:
        began = self._clock.monotonic()
        outcome, detail = self._outcome(bid_id)
        took_ms = (self._clock.monotonic() - began) * 1000
        self._attempts.append(Attempt(bid_id, outcome, began - self.start, took_ms, detail))

    def _outcome(self, bid_id: str) -> tuple[Outcome, str]:
        try:
            body = bid_request(bid_id)
            response = self._http.call("POST", "/bid", body, JSON_TYPE, timeout=_TIMEOUT_S)
        except ConnectionRefusedError as error:
            return Outcome.REFUSED, str(error)
        except (OSError, http.client.HTTPException) as error:
            return Outcome.INDETERMINATE, f"{type(error).__name__}: {error}"
        return judge(response), f"HTTP {response.status}"
