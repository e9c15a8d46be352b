"""The front door on real sockets: what clients get, what is held for them, what they can do."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from kafka.errors import KafkaTimeoutError

from app.gunicorn_worker.front_door import Listener
from app.gunicorn_worker.request_parser import RequestParser
from app.gunicorn_worker.wsgi import Site, ThreadedSite, base_environ
from tests.support.fakes.producer import FakeFuture
from tests.support.front_door import (
    IDLE_S,
    LINGER_S,
    MAX_BODY,
    MAX_CONNECTIONS,
    MAX_HELD,
    READ_S,
    WRITE_S,
    FrontDoorWorld,
    echo,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POST = b"POST /bid HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EMPTY_LINES = b"\r\n" * 2000
Open = Callable[..., FrontDoorWorld]


def post(body: bytes) -> bytes:
    """Return a whole request."""
    return POST + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture
def opened() -> Iterator[Open]:
    """Yield what opens a front door before an application."""
    worlds: list[FrontDoorWorld] = []

    def open_door(application: WSGIApplication = echo) -> FrontDoorWorld:
        worlds.append(FrontDoorWorld(application))
        return worlds[-1]

    yield open_door
    for world in worlds:
        world.close()


@pytest.fixture
def world(opened: Open) -> FrontDoorWorld:
    """Return a front door before an application that answers with the body."""
    return opened()


class TestServing:
    """Requests are answered, one after the other."""

    def test_many_requests_on_one_connection(self, world: FrontDoorWorld) -> None:
        """Each gets its own answer, and the connection stays."""
        client = world.connect()
        for body in (b"one", b"two", b"three"):
            world.send(client, post(body))
            assert world.read(client, body).endswith(b"\r\n\r\n" + body)
        assert world.account.responses == [("/bid", 200)] * 3
        assert len(world.door) == 1

    def test_requests_in_one_piece_are_answered_in_order(self, world: FrontDoorWorld) -> None:
        """Pipelining (RFC 9112 section 9.3.2): one request of each connection a pass."""
        busy, other = world.connect(), world.connect()
        busy.sendall(b"".join(post(b"%03d" % number) for number in range(50)))
        other.sendall(post(b"other"))
        world.go_on(3)
        assert b"other" in world.read(other, b"other")
        answers = world.read(busy, b"049")
        assert [int(part[:3]) for part in answers.split(b"\r\n\r\n")[1:]] == [*range(50)]

    def test_byte_by_byte(self, world: FrontDoorWorld) -> None:
        """A request may come in any pieces."""
        client = world.connect()
        for byte in post(b"abc"):
            world.send(client, bytes([byte]))
        assert world.read(client, b"abc").startswith(b"HTTP/1.1 200 OK\r\n")

    def test_the_last_request_ends_the_connection(self, world: FrontDoorWorld) -> None:
        """`Connection: close`, alone or in a list, closes after the answer, which says so."""
        for field in (b"close", b"x, close"):
            client = world.connect()
            world.send(client, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: %b\r\n\r\n" % field)
            assert b"\r\nConnection: close\r\n" in world.read(client)
        world.go_on()
        for client in world.clients:
            client.close()
        world.go_on()
        assert len(world.door) == 0


class TestWaiting:
    """An application may wait; the loop goes on."""

    def test_others_are_answered_meanwhile(self, opened: Open) -> None:
        """A request that waits holds up nobody, and goes on when what it waits for has happened."""
        future = FakeFuture()

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
            waits = environ["PATH_INFO"] == "/bid"
            answer = door.hub.wait(future, 1.0) if waits else b"at once"
            start_response("200 OK", [])
            return [answer]

        door = opened(application)
        patient, other = door.connect(), door.connect()
        door.send(patient, post(b""))
        door.send(other, GET)
        assert door.read(other, b"at once")
        assert door.hub.parked == 1
        threading.Thread(target=future.success, args=(b"at last",)).start()
        assert door.read(patient, b"at last")
        assert door.hub.parked == 0

    def test_nobody_waits_for_ever(self, opened: Open) -> None:
        """After its seconds the future's own error comes, and what happens later is nobody's."""
        future, seen = FakeFuture(), list[type]()

        def application(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
            try:
                door.hub.wait(future, 1.0)
            except KafkaTimeoutError as error:
                seen.append(type(error))
            start_response("200 OK", [])
            return [b"late"]

        door = opened(application)
        client = door.connect()
        door.send(client, GET)
        door.pass_time(1.0)
        assert door.read(client, b"late")
        assert seen == [KafkaTimeoutError]
        future.success(b"too late")
        door.go_on()

    def test_what_comes_meanwhile_waits_in_the_kernel(self, opened: Open) -> None:
        """Of a client that waits for an answer nothing is read."""
        future = FakeFuture()

        def application(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
            door.hub.wait(future, 1.0)
            start_response("200 OK", [])
            return [b"x"]

        door = opened(application)
        client = door.connect()
        door.send(client, GET)
        held = door.gate.pending_bytes
        door.send(client, GET * 100)
        assert door.gate.pending_bytes == held


class TestAccount:
    """What is held is counted, byte for byte, and let go of."""

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
            [POST + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nab", b"c\r\n5;x=y\r\nabc"],
        ],
    )
    def test_nothing_is_left_when_the_client_has_gone(
        self, world: FrontDoorWorld, pieces: list[bytes]
    ) -> None:
        """After each piece the account is right, and at the end it is empty."""
        client = world.connect()
        for piece in pieces:
            world.send(client, piece)
        client.close()
        world.go_on()
        assert (len(world.door), world.gate.pending_bytes) == (0, 0)

    def test_empty_lines_are_held_for_nobody(self, world: FrontDoorWorld) -> None:
        """Nor do they make a client look as if it were sending a request."""
        client = world.connect()
        for _ in range(20):
            world.send(client, EMPTY_LINES)
        assert world.gate.pending_bytes == 0
        world.pass_time(READ_S)
        assert world.ended(client)
        assert world.account.refusals == []

    @pytest.mark.parametrize("apart", [False, True])
    def test_an_empty_line_after_a_body_leaves_the_connection_idle(
        self, world: FrontDoorWorld, *, apart: bool
    ) -> None:
        """It is not the beginning of a request: it is idle, for as long as any other may be."""
        client = world.connect()
        for _ in range(3):
            world.send(client, post(b"ab") if apart else post(b"ab") + b"\r\n")
            world.read(client, b"\r\n\r\nab")
            if apart:
                world.send(client, b"\r\n")
            world.pass_time(IDLE_S - 1)
        assert not world.ended(client)

    def test_a_crowd_that_holds_unfinished_requests_makes_room_for_others(
        self, world: FrontDoorWorld
    ) -> None:
        """What has been arriving for longest gives way; what comes at once is served."""
        crowd = [world.connect() for _ in range(8)]
        for client in crowd:
            world.send(client, POST + b"Content-Length: 90000\r\n\r\n" + b"x" * 60_000)
        assert world.gate.pending_bytes <= MAX_HELD
        innocent = world.connect()
        world.send(innocent, post(b"y" * 50_000))
        assert world.read(innocent, b"yyy").startswith(b"HTTP/1.1 200 OK")
        assert {code for code, *_ in world.account.refusals} == {"overloaded"}
        assert world.read(crowd[0]).startswith(b"HTTP/1.1 503 ")

    def test_a_crowd_that_does_not_read_makes_room_for_others(self, opened: Open) -> None:
        """Answers that nobody reads are thrown away before anybody else's request is refused."""

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] == "/bid":
                return echo(environ, start_response)
            start_response("200 OK", [])
            return [b"x" * 1_000_000]

        door = opened(application)
        for _ in range(8):
            door.send(door.connect(), GET)
        innocent = door.connect()
        door.send(innocent, post(b"y" * 50_000))
        assert door.read(innocent, b"yyy").startswith(b"HTTP/1.1 200 OK")

    def test_as_many_make_room_as_it_takes(self, world: FrontDoorWorld) -> None:
        """Many that hold little are no less in the way than few that hold much."""
        for _ in range(30):
            world.send(world.connect(), POST + b"Content-Length: 20000\r\n\r\n" + b"x" * 9_900)
        innocent = world.connect()
        world.send(innocent, post(b"y" * 50_000))
        assert world.read(innocent, b"yyy").startswith(b"HTTP/1.1 200 OK")

    def test_who_makes_room_costs_nobody_else_anything(self, world: FrontDoorWorld) -> None:
        """An error in the end of one is not handed to the one that it was ended for."""
        world.send(world.connect(), POST + b"Content-Length: 9\r\n\r\nx")
        world.account.raises = RuntimeError("odd")
        (connection,) = world.door
        connection.evict()
        assert len(world.door) == 0

    def test_the_next_ones_wait_outside(self, world: FrontDoorWorld) -> None:
        """Beyond the most connections nobody is accepted until another has gone."""
        inside = [world.connect() for _ in range(MAX_CONNECTIONS)]
        waiting = world.connect()
        world.send(waiting, GET)
        assert len(world.door) == MAX_CONNECTIONS
        inside[0].close()
        assert world.read(waiting, b"200 OK")


class TestTime:
    """Each client has its own time for everything."""

    def test_a_request_that_does_not_arrive(self, world: FrontDoorWorld) -> None:
        """408 after the seconds from its first byte, however busily it trickles."""
        client = world.connect()
        world.send(client, POST)
        for _ in range(4):
            world.pass_time(1)
            world.send(client, b"X: y\r\n")
        assert world.account.refusals == []
        world.pass_time(1)
        assert world.read(client).startswith(b"HTTP/1.1 408 ")
        assert world.account.refusals == [("request-timeout", "", "")]

    def test_what_has_come_and_was_not_read_is_in_time(self, world: FrontDoorWorld) -> None:
        """A loop that is late itself ends no client that has sent everything."""
        client = world.connect()
        client.sendall(post(b"abc"))
        (connection,) = world.door
        connection.on_timeout()
        assert world.read(client, b"abc").startswith(b"HTTP/1.1 200 OK")
        assert not world.ended(client)

    def test_empty_lines_that_were_not_read_are_no_request(self, world: FrontDoorWorld) -> None:
        """Whoever has sent nothing else has no more than a request's time from then on."""
        client = world.connect()
        client.sendall(b"\r\n")
        (late,) = world.door.countdowns.read.take_expired(world.now + READ_S)
        late.on_timeout()
        world.pass_time(READ_S)
        assert world.ended(client)

    def test_a_body_that_does_not_arrive(self, world: FrontDoorWorld) -> None:
        """408 as well, and it is counted for what was asked."""
        client = world.connect()
        world.send(client, POST + b"Transfer-Encoding: chunked\r\n\r\n00000000ff\r\n")
        world.pass_time(READ_S)
        assert world.read(client).startswith(b"HTTP/1.1 408 ")
        assert world.account.refusals == [("request-timeout", "POST", "/bid")]

    def test_a_client_that_says_nothing(self, world: FrontDoorWorld) -> None:
        """It is let go of without an answer: there is no request to answer."""
        client = world.connect()
        world.pass_time(READ_S)
        assert world.ended(client)

    def test_a_client_that_has_nothing_more_to_say(self, world: FrontDoorWorld) -> None:
        """A kept-alive connection has its own, longer time."""
        client = world.connect()
        world.send(client, post(b"ab"))
        world.read(client, b"ab")
        world.pass_time(IDLE_S - 1)
        assert not world.ended(client)
        world.pass_time(1)
        assert world.ended(client)

    def test_a_client_that_does_not_read(self, opened: Open) -> None:
        """Its answer is bounded in bytes and in seconds, and the application is told."""
        ends = list[type[BaseException]]()

        def application(
            _environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            start_response("200 OK", [])
            try:
                for _ in range(10_000):
                    yield b"x" * 10_000
            except BaseException as error:
                ends.append(type(error))
                raise

        world = opened(application)
        client = world.connect()
        world.send(client, GET)
        assert world.gate.pending_bytes < 100_000
        assert world.hub.parked == 1
        world.pass_time(WRITE_S)
        assert (len(world.door), world.gate.pending_bytes, world.hub.parked) == (0, 0, 0)
        assert ends == [GeneratorExit]

    def test_a_client_that_reads_slowly_gets_all(self, opened: Open) -> None:
        """The application waits for it whenever much is unread."""

        def application(
            _environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", "10000000")])
            return (b"x" * 100_000 for _ in range(100))

        world = opened(application)
        client = world.connect()
        world.send(client, GET)
        came = world.read(client, b"\r\n\r\n")
        while len(came) < 10_000_000:
            came += world.read(client, b"x")
        assert came.endswith(b"x" * 1000)
        world.send(client, GET)
        assert world.read(client, b"200 OK")

    def test_an_answer_is_read_before_the_reset(self, world: FrontDoorWorld) -> None:
        """After a refusal what still comes is thrown away for a moment (RFC 9112 section 9.6)."""
        client = world.connect()
        world.send(client, POST + b"Content-Length: 99999999\r\n\r\n")
        world.send(client, b"x" * 100_000)
        assert world.read(client).startswith(b"HTTP/1.1 413 ")
        world.send(client, b"x" * 100_000)
        world.pass_time(LINGER_S)
        assert len(world.door) == 0


class TestTrouble:
    """What nobody foresaw costs one connection, never the worker."""

    @pytest.mark.parametrize("error", [ValueError("odd"), OSError("odd"), MemoryError()])
    def test_an_error_of_ours_costs_one_connection(
        self, world: FrontDoorWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        """It is logged, the others are served, and nothing of it stays counted."""
        feed = RequestParser.feed

        def fail(parser: RequestParser, data: bytes) -> None:
            if b"odd" in data:
                raise error
            feed(parser, data)

        monkeypatch.setattr(RequestParser, "feed", fail)
        unlucky, other = world.connect(), world.connect()
        world.send(other, POST)
        world.send(unlucky, POST)
        world.send(unlucky, b"odd")
        assert world.ended(unlucky)
        world.send(other, b"Content-Length: 2\r\n\r\nab")
        assert world.read(other, b"\r\n\r\nab")
        assert len(world.door) == 1

    @pytest.mark.parametrize("when", ["timeout", "answer"])
    def test_an_error_in_refusing_costs_one_connection(
        self, world: FrontDoorWorld, when: str
    ) -> None:
        """Also where the time of a request is up, and where the application has failed."""
        world.account.raises = RuntimeError("odd")
        client = world.connect()
        world.send(client, POST if when == "timeout" else b"GET / HTTP/1.1\r\n\r\n")
        world.pass_time(READ_S)
        assert world.ended(client)
        assert (len(world.door), world.gate.pending_bytes) == (0, 0)

    def test_an_error_in_telling_of_an_answer_costs_one_connection(self, opened: Open) -> None:
        """In the greenlet as well: nothing is left that nobody looks after."""

        def application(_environ: WSGIEnvironment, _start_response: StartResponse) -> list[bytes]:
            raise KeyError("odd")

        door = opened(application)
        door.account.raises = RuntimeError("odd")
        client = door.connect()
        door.send(client, GET)
        assert door.ended(client)
        assert (len(door.door), door.gate.pending_bytes) == (0, 0)

    @pytest.mark.parametrize("error", [KeyError("odd"), SystemExit(1), RecursionError()])
    def test_an_error_of_the_application_is_an_answer(
        self, opened: Open, error: BaseException
    ) -> None:
        """500 as long as nothing was sent; others are served, and so is the next request."""

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] == "/bid":
                raise error
            return echo(environ, start_response)

        world = opened(application)
        client = world.connect()
        world.send(client, post(b"ab"))
        assert world.read(client).startswith(b"HTTP/1.1 500 ")
        assert (world.account.responses, world.account.refusals) == ([("/bid", 500)], [])
        other = world.connect()
        world.send(other, GET)
        assert world.read(other, b"200 OK")

    def test_an_error_in_the_middle_of_an_answer_ends_the_connection(self, opened: Open) -> None:
        """What was sent cannot be taken back: that it is not whole is told by its end."""

        def application(
            _environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            start_response("200 OK", [])
            yield b"half"
            raise KeyError("odd")

        world = opened(application)
        client = world.connect()
        world.send(client, GET)
        assert world.read(client).endswith(b"\r\n4\r\nhalf\r\n")
        assert len(world.door) == 0

    def test_a_crowd_that_comes_at_once_is_let_in_soon(self, world: FrontDoorWorld) -> None:
        """The more there are, the more come in one pass: nobody behind them waits for each."""
        crowd = [socket.create_connection(world.address, 5) for _ in range(40)]
        at_once: list[int] = []
        while len(world.door) < len(crowd):
            before = len(world.door)
            world.door.loop.run_once(5)
            at_once.append(len(world.door) - before)
        assert at_once == [*[1] * 16, *[2] * 8, 3, 3, 2]
        for client in crowd:
            client.close()

    def test_a_connection_that_cannot_be_accepted_is_passed_over(
        self, world: FrontDoorWorld
    ) -> None:
        """accept(2) hands on errors of the network: the next client is none the worse for it."""

        class Broken(socket.socket):
            def accept(self) -> tuple[socket.socket, Any]:
                raise OSError(errno.ENONET, "Machine is not on the network")

        with Broken() as sock:
            assert not Listener(world.door, sock, Site(echo, {})).accept()

    def test_a_client_that_resets_while_it_is_answered(self, opened: Open) -> None:
        """The application runs to its end, and nothing is left of it."""
        future, ends = FakeFuture(), list[str]()

        def application(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
            door.hub.wait(future, 1.0)
            ends.append("ran")
            start_response("200 OK", [])
            return [b"x"]

        door = opened(application)
        client = door.connect()
        door.send(client, GET)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        door.go_on()
        future.success(None)
        door.go_on()
        assert ends == ["ran"]
        assert len(door.door) == 0


class TestSlowSite:
    """What takes its time runs on another thread."""

    def test_others_are_answered_meanwhile(self, opened: Open) -> None:
        """And its answer is whole, whatever pieces it comes in."""
        begun, over = threading.Event(), threading.Event()

        def application(
            _environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            begun.set()
            over.wait(10)
            start_response("200 OK", [])
            return (b"x" * 10 for _ in range(3))

        door = opened()
        with ThreadPoolExecutor(1) as pool:
            slow = ThreadedSite(
                application, base_environ(door.address, multiprocess=False), pool, 5.0
            )
            listener = socket.create_server(("127.0.0.1", 0))
            door.door.add_listener(listener, slow)
            patient = socket.create_connection(listener.getsockname(), 5)
            door.clients.append(patient)
            door.send(patient, GET)
            assert begun.wait(10)
            other = door.connect()
            door.send(other, post(b"ab"))
            assert door.read(other, b"ab")
            over.set()
            assert door.read(patient, b"\r\n0\r\n\r\n").count(b"x" * 10) == 3

    def test_nobody_waits_for_it_for_ever(self, opened: Open) -> None:
        """After its seconds the client gets an answer, and what comes then is thrown away."""
        over = threading.Event()

        def application(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
            over.wait(10)
            start_response("200 OK", [])
            return [b"late"]

        door = opened()
        with ThreadPoolExecutor(1) as pool:
            slow = ThreadedSite(
                application, base_environ(door.address, multiprocess=False), pool, 5.0
            )
            listener = socket.create_server(("127.0.0.1", 0))
            door.door.add_listener(listener, slow)
            client = socket.create_connection(listener.getsockname(), 5)
            door.clients.append(client)
            door.send(client, GET)
            door.pass_time(5.0)
            assert door.read(client).startswith(b"HTTP/1.1 503 ")
            over.set()


class TestExpectations:
    """Expect: 100-continue (RFC 9110 section 10.1.1)."""

    def test_one_leave_to_go_on_and_one_answer(self, world: FrontDoorWorld) -> None:
        """A second one would be taken for the answer."""
        client = world.connect()
        world.send(client, POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert world.read(client, CONTINUE) == CONTINUE
        world.send(client, b"a")
        world.send(client, b"bc")
        assert world.read(client, b"\r\n\r\nabc").startswith(b"HTTP/1.1 200 OK")

    def test_no_leave_where_nothing_waits_for_it(self, world: FrontDoorWorld) -> None:
        """With the whole body there the answer is all that is to be said."""
        client = world.connect()
        world.send(client, POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        assert world.read(client, b"\r\n\r\nabc").startswith(b"HTTP/1.1 200 OK")

    def test_no_leave_for_http_1_0(self, world: FrontDoorWorld) -> None:
        """A client of HTTP/1.0 knows no 1xx."""
        client = world.connect()
        head = b"POST /bid HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        world.send(client, head)
        world.send(client, b"abc")
        assert world.read(client, b"\r\n\r\nabc").startswith(b"HTTP/1.1 200 OK")

    def test_no_leave_for_what_is_too_large(self, world: FrontDoorWorld) -> None:
        """The refusal is all that comes."""
        client = world.connect()
        world.send(client, POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
        assert world.read(client, b"too-large").startswith(b"HTTP/1.1 413 ")

    def test_another_expectation(self, world: FrontDoorWorld) -> None:
        """417 (RFC 9110 section 15.5.18)."""
        client = world.connect()
        world.send(client, POST + b"Expect: cake\r\nContent-Length: 3\r\n\r\nabc")
        assert world.read(client).startswith(b"HTTP/1.1 417 ")


class TestEnd:
    """A worker that ends answers who is there and lets nobody else in."""

    def test_who_has_connected_is_served(self, world: FrontDoorWorld) -> None:
        """Those in the backlog too; each answer says that the connection ends."""
        there = world.connect()
        late = socket.create_connection(world.address, 5)
        world.clients.append(late)
        late.settimeout(0)
        world.door.stop_accepting(16, 2.0)
        for client in (there, late):
            world.send(client, post(b"ab"))
            answer = world.read(client)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b"\r\nConnection: close\r\n" in answer
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(world.address, 5)

    def test_idle_clients_have_a_moment_more(self, world: FrontDoorWorld) -> None:
        """For a request that they may already have sent."""
        client = world.connect()
        world.send(client, post(b"ab"))
        world.read(client, b"ab")
        world.door.stop_accepting(16, 2.0)
        world.go_on()
        assert len(world.door) == 1
        world.pass_time(2.0)
        assert len(world.door) == 0


@pytest.mark.parametrize("size", [MAX_BODY, MAX_BODY + 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_of_a_body(world: FrontDoorWorld, size: int, *, chunked: bool) -> None:
    """A body of the most bytes is taken, one byte more is 413, whether it says so or not."""
    client = world.connect()
    body = b"x" * size
    if chunked:
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        world.send(client, head + b"%x\r\n" % size)
        for start in range(0, size, 50_000):
            world.send(client, body[start : start + 50_000])
        if size == MAX_BODY:
            world.send(client, b"\r\n0\r\n\r\n")
    else:
        world.send(client, POST + b"Content-Length: %d\r\n\r\n" % size)
        if size == MAX_BODY:
            world.send(client, body)
    expected = b"HTTP/1.1 200 OK" if size == MAX_BODY else b"HTTP/1.1 413 "
    assert world.read(client, b"\r\n\r\n").startswith(expected)
