"""A worker's front door on real sockets, run as far as a test lets it, by a clock that stands."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from app.gunicorn_worker.connection import Connection, Phase
from app.gunicorn_worker.front_door import Countdowns, FrontDoor
from app.gunicorn_worker.response import HttpDate
from app.gunicorn_worker.wsgi import Site, base_environ
from app.kafka.in_flight import InFlight
from app.loop.event_loop import Countdown, EventLoop
from app.loop.hub import Hub

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from app.problems import Problem

READ_S, IDLE_S, WRITE_S, LINGER_S = 5.0, 75.0, 10.0, 2.0
MAX_BODY, MAX_HELD, MAX_CONNECTIONS = 100_000, 300_000, 64


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the body."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class FakeCounter:
    """Keeps what it is told, or fails."""

    def __init__(self) -> None:
        self.responses: list[tuple[str, int]] = []
        self.problems: list[tuple[str, str, str]] = []
        self.raises: Exception | None = None

    def note_response(self, path: str, status: int) -> None:
        if self.raises is not None:
            raise self.raises
        self.responses.append((path, status))

    def note_problem(self, problem: Problem, method: str, path: str) -> None:
        if self.raises is not None:
            raise self.raises
        self.problems.append((problem.code, method, path))


class FrontDoorWorld:
    """One front door and its clients."""

    def __init__(self, application: WSGIApplication = echo) -> None:
        self.now = 1000.0
        self.counter = FakeCounter()
        self.in_flight = InFlight(10, 2 * MAX_HELD)  # the other half is for records
        self.hub = Hub(self._monotonic)
        countdowns = Countdowns(*map(Countdown, (READ_S, IDLE_S, WRITE_S, LINGER_S)))
        self.door = FrontDoor(
            EventLoop(self.hub, countdowns.all(), lambda _seconds: None, self._monotonic),
            countdowns,
            self.in_flight,
            self.counter,
            MAX_BODY,
            MAX_CONNECTIONS,
            self._monotonic,
            HttpDate(lambda: 0.0),
        )
        self.clients: list[socket.socket] = []
        self.address = self.listen(lambda environ: Site(application, environ))

    def listen(self, site: Callable[[WSGIEnvironment], Site]) -> tuple[str, int]:
        """Let clients in at an address, which is returned."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        address: tuple[str, int] = listener.getsockname()
        self.door.add_listener(listener, site(base_environ(address, multiprocess=False)))
        return address

    def connect(self, address: tuple[str, int] | None = None) -> socket.socket:
        """Return a client that is connected and let in."""
        client = socket.create_connection(address or self.address, 5)
        client.settimeout(0)
        self.clients.append(client)
        self.go_on()
        return client

    def send(self, client: socket.socket, data: bytes) -> None:
        """Send, and let everything be done that is to be done."""
        client.settimeout(5)
        client.sendall(data)
        client.settimeout(0)
        self.go_on()

    def started(self, *pieces: bytes) -> socket.socket:
        """Return a client that has sent these pieces."""
        client = self.connect()
        for piece in pieces:
            self.send(client, piece)
        return client

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and be done what is due."""
        self.now += seconds
        self.go_on()

    def go_on(self, passes: int = 6) -> None:
        """Let the loop do what is ready, a few times."""
        for _ in range(passes):
            self.door.loop.run_once(0)
        self.check()

    def read(self, client: socket.socket, until: bytes = b"") -> bytes:
        """Return what the client has been sent, until it holds `until`; empty at its end."""
        came, end = b"", time.monotonic() + 10
        while True:
            self.go_on(1)
            try:
                piece = client.recv(1 << 20)
            except BlockingIOError:
                if until in came and came:
                    return came
                assert time.monotonic() < end, came
                continue
            if not piece:
                return came
            came += piece

    def ended(self, client: socket.socket) -> bool:
        """Say whether the connection has been ended by the server, and nothing is left to read."""
        self.go_on()
        try:
            return client.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def holds_nothing(self) -> bool:
        """Say whether no connection is left, no byte and nobody who waits."""
        return (len(self.door), self.in_flight.pending_bytes, self.hub.parked) == (0, 0, 0)

    def check(self) -> None:
        """Hold what is promised at any moment against what there is.

        Bytes counted are bytes held, each connection is somebody's matter, and no greenlet waits
        without an end.
        """
        connections = [each for each in self.door if isinstance(each, Connection)]
        assert self.in_flight.pending_bytes == sum(each.held for each in connections)
        timed = {each for countdown in self.door.countdowns.all() for each in countdown}
        for each in connections:
            assert each in timed or each.phase is Phase.ANSWERING, each.phase
        deadlines = self.hub._deadlines  # noqa: SLF001  nobody else wants to know
        waiting = {runner for _, _, runner, until in deadlines if runner.waits_for is until}
        assert len(waiting) == self.hub.parked

    def close(self) -> None:
        """Let go of everything, and see that nothing is left."""
        for client in self.clients:
            client.close()
        self.go_on()
        self.let_go()
        self.check()

    def let_go(self) -> None:
        """Close all that is open."""
        for client in self.clients:
            client.close()
        self.door.stop_accepting(0, 0)
        for connection in [*self.door]:
            connection.close()
        self.door.loop.close()

    def _monotonic(self) -> float:
        return self.now
