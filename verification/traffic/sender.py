"""Sends requests by the clock, however slowly they are answered, with so many under way at most."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException

from verification.clock import Clock
from verification.traffic.http import Http, Response
from verification.traffic.requests import Planned

UNDER_WAY = 64
_ANSWER_S = 10.0
_LOOKS_EVERY_S = 0.001


@dataclass(frozen=True)
class Sent:
    """A request, its answer (None: none came, `why` says so) and its latency.

    The latency counts from when the request was due: that all connections were busy by then is
    part of it.
    """

    request: Planned
    answer: Response | None
    latency_ms: float
    why: str = ""


class Sender:
    """Sends `rate` requests a second for `seconds`; what could not be sent by then is not sent."""

    def __init__(self, call: Http, clock: Clock, *, rate: float, seconds: float) -> None:
        self._http = call
        self._clock = clock
        self._rate = rate
        self._seconds = seconds
        self._free = threading.Semaphore(UNDER_WAY)

    @property
    def due(self) -> int:
        """How many requests are to be sent in all."""
        return max(1, round(self._rate * self._seconds))

    def send(self, make: Callable[[int], Planned], done: Callable[[Sent], object]) -> None:
        """Send the requests that `make` makes of their numbers; tell `done` of each, one by one."""
        telling = threading.Lock()

        def one(request: Planned, due: float) -> None:
            try:
                sent = self._exchange(request, due)
            finally:
                self._free.release()
            with telling:
                done(sent)

        start = self._clock.monotonic()
        with ThreadPoolExecutor(UNDER_WAY) as pool:
            for number in range(self.due):
                request, due = make(number), start + number / self._rate
                self._clock.sleep(max(0.0, due - self._clock.monotonic()))
                if not self._free_before(start + self._seconds):
                    return
                pool.submit(one, request, due)

    def _free_before(self, end: float) -> bool:
        """Take a connection that is free, or becomes free before the end."""
        while not self._free.acquire(blocking=False):
            self._clock.sleep(_LOOKS_EVERY_S)
            if self._clock.monotonic() >= end:
                return False
        return True

    def _exchange(self, request: Planned, due: float) -> Sent:
        try:
            answer = self._http.call(
                "POST", "/bid", request.body, request.headers, timeout=_ANSWER_S
            )
        except (OSError, HTTPException) as error:
            return Sent(request, None, self._since(due), f"{type(error).__name__}: {error}")
        return Sent(request, answer, self._since(due))

    def _since(self, due: float) -> float:
        return (self._clock.monotonic() - due) * 1000
