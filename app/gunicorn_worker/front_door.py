"""Listeners, the connections that they let in, and what all of these share."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from app.gunicorn_worker.connection import Connection
from app.gunicorn_worker.request_parser import Request
from app.gunicorn_worker.response import HttpDate, render_head
from app.gunicorn_worker.wsgi import Site
from app.http.answer import error_response
from app.kafka.in_flight import InFlight
from app.loop.event_loop import READABLE, Countdown, EventLoop, Handler
from app.problems import Problem
from common.logs import get_logger

_UNREAD_BYTES = 64 * 1024
_MANY = 16  # for as many connections that there are, one more may come at once
# Clients that make room for another, each of which costs an answer. Who holds less than that part
# of what is wanted is left alone: all such together hold half of what may be held at most.
_MOST_FOR_ONE = 64


class ResponseCounter(Protocol):
    """Is told of every answer, once."""

    def note_response(self, path: str, status: int) -> None:
        """Count an answer of the application."""

    def note_problem(self, problem: Problem, method: str, path: str) -> None:
        """Count and log an answer that the application had no part in; both may be empty."""


@dataclass(frozen=True)
class Countdowns:
    """The seconds that a client has, for each thing that it may keep others waiting with."""

    read: Countdown
    idle: Countdown
    write: Countdown
    linger: Countdown

    def all(self) -> tuple[Countdown, ...]:
        """Return every one."""
        return self.read, self.idle, self.write, self.linger


class Listener(Handler):
    """Accepts few connections each time, so that each of several workers gets its share.

    They are more where there are many already: then nobody waits behind a crowd that comes at once.
    """

    def __init__(self, door: FrontDoor, sock: socket.socket, site: Site) -> None:
        self._door = door
        self._sock = sock
        self._site = site

    def accept(self) -> bool:
        """Let one client in; return whether there was one."""
        try:
            sock, peer = self._sock.accept()
        except OSError:  # none is there, no descriptor is left, or its network is gone (accept(2))
            return False
        self._door.add_connection(sock, peer, self._site)
        return True

    def on_event(self, _mask: int) -> None:
        """Let some clients in."""
        for _ in range(1 + len(self._door) // _MANY):
            if not (self._door.has_room and self.accept()):
                return

    def fail(self, error: BaseException) -> None:
        """Go on."""
        get_logger().error("a client was not let in", exc_info=error)


class FrontDoor:
    """Owns the connections of one worker."""

    def __init__(  # noqa: PLR0913, PLR0917  what its connections share
        self,
        loop: EventLoop,
        countdowns: Countdowns,
        in_flight: InFlight,
        counter: ResponseCounter,
        max_body_bytes: int,
        max_connections: int,
        monotonic: Callable[[], float] = time.monotonic,
        date: HttpDate | None = None,
    ) -> None:
        self.loop = loop
        self.countdowns = countdowns
        self.in_flight = in_flight
        self.max_body_bytes = max_body_bytes
        self.monotonic = monotonic
        self.date = date or HttpDate()
        self.keeps_alive = True
        self.answered = 0
        self._counter = counter
        self._max_connections = max_connections
        self._connections: set[Connection] = set()
        self._listeners: dict[Listener, socket.socket] = {}
        self._open = False

    def __len__(self) -> int:
        """Return the number of connections."""
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        """Return the connections."""
        return iter(self._connections)

    @property
    def has_room(self) -> bool:
        """Whether there may be more connections."""
        return len(self._connections) < self._max_connections

    def add_listener(self, listener: socket.socket, site: Site) -> None:
        """Let clients in here from now on."""
        listener.settimeout(0)
        # a client that does not read has this much of the kernel's memory, and no more
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES)
        self._listeners[Listener(self, listener, site)] = listener
        self._open = False
        self._open_or_close()

    def stop_accepting(self, backlog: int, patience_s: float) -> None:
        """Let in who has connected already and nobody else; give idle clients a moment more.

        A client that is let in now gets its answer and the end of its connection with it; one that
        comes later is refused, instead of reset when the process ends.
        """
        self._max_connections = 0
        for listener, sock in self._listeners.items():
            for _ in range(backlog):
                if not listener.accept():
                    break
            self.loop.watch(sock.fileno(), listener, 0)
            sock.close()
        self._listeners.clear()
        self.keeps_alive = False
        self.countdowns.idle.shorten(patience_s, self.monotonic())

    def add_connection(self, sock: socket.socket, peer: tuple[Any, ...], site: Site) -> None:
        """Take a new connection."""
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(Connection(self, site, sock, peer))
        self._open_or_close()

    def remove_connection(self, connection: Connection) -> None:
        """Be told that a connection has ended."""
        self._connections.discard(connection)
        self._open_or_close()

    def evict_longest(self, connection: Connection, wanted: int) -> None:
        """End whoever holds something and has been at it for longest: unread answers come first.

        Who sends at once and reads at once never gets here; a crowd that does not makes room for
        itself.
        """
        for other in self._find_longest(connection, wanted):
            other.evict()

    def _find_longest(self, connection: Connection, wanted: int) -> list[Connection]:
        """Return those whose end makes room for so many bytes."""
        found: list[Connection] = []
        worth = wanted / _MOST_FOR_ONE
        for other in chain(self.countdowns.write, self.countdowns.read):
            if wanted <= 0:
                break
            if other is not connection and isinstance(other, Connection) and other.held > worth:
                found.append(other)
                wanted -= other.held
        return found

    def render(self, problem: Problem, *, to_head: bool) -> bytes:
        """Return a problem as a whole response that ends the connection."""
        answer = error_response(problem)
        head = render_head(answer.status_line, answer.headers(), "Connection: close\r\n", self.date)
        return head if to_head else head + answer.body

    def note_response(self, request: Request, status: str) -> None:
        """Count an answer of the application."""
        self.answered += 1
        self._counter.note_response(_method_and_path(request)[1], int(status[:3]))

    def note_problem(self, problem: Problem, request: Request | None) -> None:
        """Count an answer that the application had no part in."""
        self._counter.note_problem(problem, *_method_and_path(request))

    def _open_or_close(self) -> None:
        """Accept as long as there may be more; the others wait in the kernel."""
        wanted = self.has_room
        if wanted == self._open:
            return
        self._open = wanted
        for listener, sock in self._listeners.items():
            self.loop.watch(sock.fileno(), listener, READABLE if wanted else 0)


def _method_and_path(request: Request | None) -> tuple[str, str]:
    if request is None:
        return "", ""
    return request.method.decode("latin-1"), request.path.decode("latin-1")
