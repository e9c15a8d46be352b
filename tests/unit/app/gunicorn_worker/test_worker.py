"""The event loop of a worker, on real sockets: what it holds, and what a client can do to it."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from gunicorn.config import Config

from app.gunicorn_worker.arrival import Arrival, State
from app.gunicorn_worker.server import ForwardingLogger, gunicorn_options
from app.gunicorn_worker.worker import BufferingWorker
from app.health.worker_state import Lifecycle
from app.problems import Refusal
from app.settings import IngestSettings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

POST = b"POST /bid HTTP/1.1\r\nHost: x\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EMPTY_LINES = b"\r\n" * 2000


@dataclass
class FakeServer:
    """What a worker asks of app.gunicorn_worker.server.IngestServer."""

    settings: IngestSettings
    lifecycle: Lifecycle
    refused: list[str] = field(default_factory=list)

    def note_stop(self) -> None:
        """Be not ready from now on."""
        self.lifecycle.stop()

    def note_refusal(self, refusal: Refusal) -> None:
        """Keep the code."""
        self.refused.append(refusal.code)


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the body."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class World:
    """One worker that runs as far as a test lets it, and its clients."""

    def __init__(self, folder: Path) -> None:
        """Begin to listen."""
        settings = load_settings(
            {
                "INGEST_THREADS": "1",
                "INGEST_MAX_BODY_BYTES": "10000",
                "INGEST_MAX_PENDING_BYTES": "10000",
            }
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = FakeServer(settings, Lifecycle(folder))
        config = Config()
        for name, value in gunicorn_options(settings, folder).items():
            config.set(name, value)
        self.worker = worker = BufferingWorker(
            1, 1, [self.listener], self.server, 30, config, ForwardingLogger(config)
        )
        worker.wsgi = echo
        worker.tpool = ThreadPoolExecutor(1)
        worker.poller = selectors.DefaultSelector()
        worker.method_queue.init()
        queue = worker.method_queue
        worker.poller.register(queue.fileno(), selectors.EVENT_READ, queue.run_callbacks)
        worker.set_accept_enabled(True)
        self.clients: list[socket.socket] = []

    def connect(self) -> socket.socket:
        """Return a client that is connected and accepted."""
        self.clients.append(socket.create_connection(self.listener.getsockname(), 5))
        self.go_on()
        return self.clients[-1]

    def send(self, client: socket.socket, data: bytes) -> None:
        """Send, and let the worker do what is to be done."""
        client.sendall(data)
        self.go_on()

    def read(self, client: socket.socket, until: bytes) -> bytes:
        """Let the worker go on until the client has read `until`."""
        client.settimeout(0.05)
        came, end = b"", time.monotonic() + 10
        while until not in came:
            assert time.monotonic() < end, came
            self.go_on()
            try:
                piece = client.recv(65_536)
            except TimeoutError:
                continue
            assert piece, came
            came += piece
        return came

    def go_on(self) -> None:
        """Let events be dispatched until there is none for a moment."""
        for _ in range(5):
            self.worker.wait_for_and_dispatch_events(0.01)
            self.worker.murder_pending()

    def held(self) -> int:
        """Return the bytes of unfinished requests that are really kept."""
        return sum(len(one.arrival.take()) for one in self.worker.waiting.values())

    def close(self) -> None:
        """Let go of everything."""
        self.worker.tpool.shutdown()
        for client in self.clients:
            client.close()
        for key in [*self.worker.poller.get_map().values()]:
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self.worker.poller.close()
        self.worker.method_queue.close()
        self.worker.tmp.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Yield a worker and its clients."""
    world = World(tmp_path)
    yield world
    world.close()


class TestAccount:
    """What waits is bounded by what is counted: both are the same."""

    @pytest.mark.parametrize(
        "pieces",
        [
            [EMPTY_LINES],
            [EMPTY_LINES, POST, b"X: y\r\n"],
            [b"\r", b"\n\r", b"\nPOST /bid"],
            [POST + b"Content-Length: 10\r\n\r\n", b"abc"],
            [POST + b"Content-Length: 3\r\n\r\nabc\r\n\r\n", POST],
            [POST + b"Content-Length: 3\r\n\r\nabc", b"\r\n", POST],
            [POST + b"Content-Length: 99999999\r\n\r\n"],
            [EMPTY_LINES, POST + b"Content-Length: +\r\n\r\n"],
        ],
    )
    def test_what_is_counted_is_what_is_held(self, world: World, pieces: list[bytes]) -> None:
        """After each piece, and nothing is counted once the client has gone."""
        client = world.connect()
        for piece in pieces:
            world.send(client, piece)
            assert world.worker.arriving_bytes == world.held()
        client.close()
        world.go_on()
        assert world.worker.arriving_bytes == world.held() == 0

    def test_empty_lines_use_up_nothing_of_what_others_may_send(self, world: World) -> None:
        """A client that sends them for ever leaves room for a request in two pieces."""
        for _ in range(5):
            world.send(world.connect(), EMPTY_LINES)
        client = world.connect()
        world.send(client, POST + b"Content-Length: 5\r\n\r\nab")
        world.send(client, b"cde")
        assert world.read(client, b"abcde").startswith(b"HTTP/1.1 200 OK")
        assert world.server.refused == []

    @pytest.mark.parametrize("apart", [False, True])
    def test_an_empty_line_after_a_body_leaves_the_connection_idle(
        self, world: World, *, apart: bool
    ) -> None:
        """It is not the beginning of a request: it is idle, for as long as any other may be."""
        client = world.connect()
        request = POST + b"Content-Length: 2\r\n\r\nab"
        for _ in range(3):
            world.send(client, request if apart else request + b"\r\n")
            world.read(client, b"\r\n\r\nab")
            if apart:
                world.send(client, b"\r\n")
            world.go_on()
            assert len(world.worker.keepalived_conns) == 1
            assert not world.worker.waiting


class TestTrouble:
    """What nobody foresaw costs one connection, never the worker."""

    @pytest.mark.parametrize("error", [ValueError("odd"), OSError("odd"), MemoryError()])
    def test_an_error_of_ours_costs_one_connection(
        self, world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        """It is logged, the others are served, and nothing of it stays counted."""

        def fail(arrival: Arrival, data: bytes) -> State:
            if b"odd" in data:
                raise error
            return feed(arrival, data)

        feed = Arrival.feed
        monkeypatch.setattr(Arrival, "feed", fail)
        unlucky, other = world.connect(), world.connect()
        world.send(other, POST)
        world.send(unlucky, POST)
        world.send(unlucky, b"odd")
        assert unlucky.recv(1) == b""
        world.send(other, b"Content-Length: 2\r\n\r\nab")
        world.read(other, b"\r\n\r\nab")
        assert world.worker.nr_conns == 1
        assert world.worker.arriving_bytes == world.held() == 0

    def test_an_error_in_refusing_costs_one_connection(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where the time of a request is up."""

        def fail(_refusal: Refusal) -> None:
            raise RuntimeError

        monkeypatch.setattr(world.server, "note_refusal", fail)
        client = world.connect()
        world.send(client, POST)
        (waiting,) = world.worker.waiting.values()
        waiting.deadline = 0
        world.go_on()
        assert client.recv(1) == b""
        assert (world.worker.nr_conns, world.worker.arriving_bytes) == (0, 0)

    def test_a_connection_that_cannot_be_accepted_is_passed_over(self, world: World) -> None:
        """accept(2) hands on errors of the network: the next client is none the worse for it."""

        class Broken(socket.socket):
            def accept(self) -> tuple[socket.socket, object]:
                raise OSError(64, "Machine is not on the network")

        with Broken() as listener:
            assert not world.worker.accept(listener)


class TestExpectations:
    """Expect: 100-continue (RFC 9110 section 10.1.1)."""

    @pytest.mark.parametrize("at_once", [False, True])
    def test_one_leave_to_go_on_and_one_answer(self, world: World, *, at_once: bool) -> None:
        """Whether the client waits for it or not; a second one would be taken for the answer."""
        client = world.connect()
        head = POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        came = b""
        if at_once:
            world.send(client, head + b"abc")
        else:
            world.send(client, head)
            came += world.read(client, CONTINUE)
            world.send(client, b"abc")
        came += world.read(client, b"\r\n\r\nabc")
        assert came.count(b"HTTP/1.1 100 ") == 1
        assert came.startswith(CONTINUE + b"HTTP/1.1 200 OK")

    def test_no_leave_for_http_1_0(self, world: World) -> None:
        """A client of HTTP/1.0 knows no 1xx."""
        client = world.connect()
        head = b"POST /bid HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        world.send(client, head)
        world.send(client, b"abc")
        assert world.read(client, b"\r\n\r\nabc").count(b" 100 ") == 0

    def test_no_leave_for_what_is_too_large(self, world: World) -> None:
        """The refusal is all that comes."""
        client = world.connect()
        world.send(client, POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
        assert world.read(client, b"too-large").startswith(b"HTTP/1.1 413 ")
