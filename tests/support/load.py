"""Clients that post bid requests, each with an id of its own, and enter the answers in a ledger."""

from __future__ import annotations

import http.client
import itertools
import select
import socket
import threading
import time
from types import TracebackType
from typing import Self

from tests.support.ledger import Ledger
from tests.support.waiting import eventually
from verification.traffic.http import Response

_ANSWER_S = 15
_PAUSE_S = 0.002  # between two requests of a client: a load, not a flood


def bid(bid_id: str, padding: int = 0) -> bytes:
    """Return a small valid bid request, with `padding` blanks behind it."""
    return b'{"id":"%s","imp":[{"id":"1","banner":{}}]}' % bid_id.encode() + b" " * padding


class _NotSentError(Exception):
    """No connection was made, so that nobody can have got the request."""


class Client:
    """One keep-alive connection, made anew when it breaks."""

    def __init__(self, port: int, ledger: Ledger) -> None:
        self._port = port
        self._ledger = ledger
        self._connection: http.client.HTTPConnection | None = None

    def post(self, bid_id: str, padding: int = 0) -> Response | None:
        """Post a bid request and enter what came of it; None where nothing came back."""
        try:
            answer = self._exchange(bid(bid_id, padding))
        except _NotSentError:
            return None  # this request does not exist
        except (OSError, http.client.HTTPException):
            self.close()
            answer = None
        self._ledger.enter(bid_id, answer)
        return answer

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, body: bytes) -> Response:
        connection = self._connected()
        began = time.monotonic()
        connection.request("POST", "/bid", body)
        response = connection.getresponse()
        answer = Response.read(response, began)
        if response.will_close:
            self.close()
        return answer

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is not None and _ended(self._connection.sock):
            self.close()  # a server may end an idle connection, and a client is to look
        if self._connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, _ANSWER_S)
            try:
                connection.connect()
            except OSError as error:
                connection.close()
                raise _NotSentError from error
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection
        return self._connection


def _ended(idle: socket.socket) -> bool:
    """Whether the server has closed a connection on which it owes nothing."""
    poller = select.poll()
    poller.register(idle, select.POLLIN)
    return bool(poller.poll(0))


class Load:
    """Clients at work from the beginning of the context to its end."""

    def __init__(
        self,
        port: int,
        ledger: Ledger,
        clients: int = 4,
        prefix: str = "r",
        rate: float | None = None,
    ) -> None:
        """Prepare; `prefix` keeps the ids of two loads apart, `rate` is requests a second in all.

        Without a rate each client posts as soon as it has its answer, but for a short pause.
        """
        self._ledger = ledger
        self._every_s = 0 if rate is None else clients / rate
        self._ending = threading.Event()
        self._ids = (f"{prefix}-{number}" for number in itertools.count())
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(Client(port, ledger),), daemon=True)
            for _ in range(clients)
        ]

    def __enter__(self) -> Self:
        """Begin to post."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; every request that was begun is in the ledger."""
        self._ending.set()
        for thread in self._threads:
            thread.join(_ANSWER_S + 5)
            assert not thread.is_alive()

    def until_accepted(self, more: int, within_s: float = 30) -> None:
        """Wait until `more` requests than at present are accepted."""
        enough = len(self._ledger.accepted) + more
        eventually(lambda: len(self._ledger.accepted) >= enough, f"{enough} accepted", within_s)

    def until_not_accepted(self, more: int, within_s: float = 30) -> None:
        """Wait until `more` requests than at present are answered with something other than 202."""

        def others() -> int:
            return len(self._ledger) - len(self._ledger.accepted)

        enough = others() + more
        eventually(lambda: others() >= enough, f"{enough} not accepted", within_s)

    def _work(self, client: Client) -> None:
        due = time.monotonic()
        while not self._ending.wait(max(due - time.monotonic(), _PAUSE_S)):
            due = max(due, time.monotonic() - self._every_s) + self._every_s
            with self._lock:
                bid_id = next(self._ids)
            client.post(bid_id)
        client.close()
