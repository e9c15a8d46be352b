"""The front door on real sockets: what clients get, what is held for them, what they can do."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from app.gunicorn_worker.front_door import Listener
from app.gunicorn_worker.request_parser import RequestParser
from app.gunicorn_worker.wsgi import Site, ThreadedSite
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

pytestmark = [pytest.mark.promise("client-isolation"), pytest.mark.promise("explicit")]

POST = b"POST /bid HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY_LINES = b"\r\n" * 2000
Parts = Callable[[], Iterable[bytes]]
Open = Callable[[Parts], FrontDoorWorld]


def length(size: int) -> bytes:
    """Return the end of a head whose body has so many bytes."""
    return b"Content-Length: %d\r\n\r\n" % size


def post(body: bytes) -> bytes:
    """Return a whole request."""
    return POST + length(len(body)) + body


def answer_with(parts: Parts) -> WSGIApplication:
    """Return an application that answers a bid with its body, and all else with these parts."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/bid":
            return echo(environ, start_response)
        start_response("200 OK", [])
        return parts()

    return application


def fail(error: BaseException) -> Iterable[bytes]:
    """Be an application that fails."""
    raise error


@pytest.fixture
def opened() -> Iterator[Open]:
    """Yield what opens a front door before an application of these parts."""
    worlds: list[FrontDoorWorld] = []

    def open_door(parts: Parts) -> FrontDoorWorld:
        worlds.append(FrontDoorWorld(answer_with(parts)))
        return worlds[-1]

    yield open_door
    for world in worlds:
        world.close()


@pytest.fixture
def world(opened: Open) -> FrontDoorWorld:
    """Return a front door before an application that answers with the body, or with nothing."""
    return opened(list)


class TestServing:
    """Requests are answered, one after the other."""

    def test_many_requests_on_one_connection(self, world: FrontDoorWorld) -> None:
        """Each gets its own answer, in whatever pieces it came, and the connection stays."""
        client = world.connect()
        for body, size in ((b"one", 100), (b"two", 100), (b"three", 1)):
            whole = post(body)
            for start in range(0, len(whole), size):
                world.send(client, whole[start : start + size])
            answer = world.read(client, body)
            assert answer.startswith(OK)
            assert answer.endswith(b"\r\n\r\n" + body)
        assert world.counter.responses == [("/bid", 200)] * 3
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

    @pytest.mark.parametrize("options", [b"close", b"x, close"])
    def test_the_last_request_ends_the_connection(
        self, world: FrontDoorWorld, options: bytes
    ) -> None:
        """`Connection: close`, alone or in a list, closes after the answer, which says so."""
        client = world.started(GET[:-2] + b"Connection: %b\r\n\r\n" % options)
        assert b"\r\nConnection: close\r\n" in world.read(client)
        client.close()
        world.go_on()
        assert world.holds_nothing()

    @pytest.mark.parametrize("size", [MAX_BODY, MAX_BODY + 1])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_the_limit_of_a_body(self, world: FrontDoorWorld, size: int, *, chunked: bool) -> None:
        """A body of the most bytes is taken, one byte more is 413, whether it says so or not."""
        is_taken = size == MAX_BODY
        client = world.started(POST + (CHUNKED + b"%x\r\n" % size if chunked else length(size)))
        if chunked or is_taken:
            for start in range(0, size, 50_000):
                world.send(client, b"x" * min(size - start, 50_000))
        if chunked and is_taken:
            world.send(client, b"\r\n0\r\n\r\n")
        assert world.read(client, b"\r\n\r\n").startswith(OK if is_taken else b"HTTP/1.1 413 ")


class TestWaiting:
    """An application may wait; the loop goes on."""

    def test_others_are_answered_meanwhile(self, opened: Open) -> None:
        """A request that waits holds up nobody; what its client sends then waits in the kernel."""
        future = FakeFuture()
        door = opened(lambda: [door.hub.wait(future, 1.0)])
        patient = door.started(GET)
        held = door.in_flight.pending_bytes
        door.send(patient, GET * 100)
        assert door.in_flight.pending_bytes == held
        assert door.read(door.started(post(b"at once")), b"at once")
        assert door.hub.parked == 1
        threading.Thread(target=future.success, args=(b"at last",)).start()
        assert door.read(patient, b"at last")

    def test_a_client_that_resets_while_it_is_answered(self, opened: Open) -> None:
        """The application runs to its end, and nothing is left of it."""
        future, ends = FakeFuture(), list[object]()

        def parts() -> list[bytes]:
            ends.append(door.hub.wait(future, 1.0))
            return [b"x"]

        door = opened(parts)
        client = door.started(GET)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        door.go_on()
        future.success("ran")
        door.go_on()
        assert ends == ["ran"]
        assert door.holds_nothing()


@pytest.mark.promise("bounded")
class TestHeldBytes:
    """What is held is counted, byte for byte, and let go of."""

    @pytest.mark.parametrize(
        "pieces",
        [
            [EMPTY_LINES],
            [EMPTY_LINES, POST, b"X: y\r\n"],
            [b"\r", b"\n\r", b"\nPOST /bid"],
            [POST + length(10), b"abc"],
            [POST + length(3) + b"abc\r\n\r\n", POST],
            [POST + length(3) + b"abc", b"\r\n", POST],
            [POST + length(99_999_999)],
            [EMPTY_LINES, POST + b"Content-Length: +\r\n\r\n"],
            [POST + CHUNKED, b"3\r\nab", b"c\r\n5;x=y\r\nabc"],
        ],
    )
    def test_nothing_is_left_when_the_client_has_gone(
        self, world: FrontDoorWorld, pieces: list[bytes]
    ) -> None:
        """After each piece the count is right, and at the end it is zero."""
        world.started(*pieces).close()
        world.go_on()
        assert world.holds_nothing()

    def test_empty_lines_are_held_for_nobody(self, world: FrontDoorWorld) -> None:
        """Nor do they make a client look as if it were sending a request."""
        client = world.started(*[EMPTY_LINES] * 20)
        assert world.in_flight.pending_bytes == 0
        world.pass_time(READ_S)
        assert world.ended(client)
        assert world.counter.problems == []

    @pytest.mark.parametrize("pieces", [[b"ab", b"\r\n"], [b"ab\r\n"]])
    def test_an_empty_line_after_a_body_leaves_the_connection_idle(
        self, world: FrontDoorWorld, pieces: list[bytes]
    ) -> None:
        """It is not the beginning of a request: it is idle, for as long as any other may be."""
        client = world.connect()
        for _ in range(3):
            world.send(client, POST + length(2) + pieces[0])
            world.read(client, b"\r\n\r\nab")
            for piece in pieces[1:]:
                world.send(client, piece)
            world.pass_time(IDLE_S - 1)
        assert not world.ended(client)

    @pytest.mark.parametrize(
        ("count", "begun"),
        [
            (8, POST + length(90_000) + b"x" * 60_000),
            (30, POST + length(20_000) + b"x" * 9_900),
            (8, GET),
        ],
        ids=["unfinished", "many that hold little", "not reading"],
    )
    def test_a_crowd_makes_room_for_others(self, opened: Open, count: int, begun: bytes) -> None:
        """What has been there for longest gives way; what comes at once is served."""
        world = opened(lambda: [b"x" * 1_000_000])
        crowd = [world.started(begun) for _ in range(count)]
        assert world.in_flight.pending_bytes <= MAX_HELD
        assert world.read(world.started(post(b"y" * 50_000)), b"yyy").startswith(OK)
        if begun != GET:
            assert {code for code, *_ in world.counter.problems} == {"overloaded"}
            assert world.read(crowd[0]).startswith(b"HTTP/1.1 503 ")

    def test_who_makes_room_costs_nobody_else_anything(self, world: FrontDoorWorld) -> None:
        """An error in the end of one is not handed to the one that it was ended for."""
        world.started(POST + length(9) + b"x")
        world.counter.raises = RuntimeError("odd")
        (connection,) = world.door
        connection.evict()
        assert world.holds_nothing()

    def test_the_next_ones_wait_outside(self, world: FrontDoorWorld) -> None:
        """Beyond the most connections nobody is accepted until another has gone."""
        inside = [world.connect() for _ in range(MAX_CONNECTIONS)]
        waiting = world.started(GET)
        assert len(world.door) == MAX_CONNECTIONS
        inside[0].close()
        assert world.read(waiting, b"200 OK")


class TestTime:
    """Each client has its own time for everything."""

    def test_a_request_that_does_not_arrive(self, world: FrontDoorWorld) -> None:
        """408 after the seconds from its first byte, however busily it trickles."""
        client = world.started(POST)
        for _ in range(4):
            world.pass_time(1)
            world.send(client, b"X: y\r\n")
        assert world.counter.problems == []
        world.pass_time(1)
        assert world.read(client).startswith(b"HTTP/1.1 408 ")
        assert world.counter.problems == [("request-timeout", "", "")]

    def test_a_body_that_does_not_arrive(self, world: FrontDoorWorld) -> None:
        """408 as well, and it is counted for what was asked."""
        client = world.started(POST + CHUNKED + b"00000000ff\r\n")
        world.pass_time(READ_S)
        assert world.read(client).startswith(b"HTTP/1.1 408 ")
        assert world.counter.problems == [("request-timeout", "POST", "/bid")]

    def test_what_has_come_and_was_not_read_is_in_time(self, world: FrontDoorWorld) -> None:
        """A loop that is late itself ends no client that has sent everything."""
        client = world.connect()
        client.sendall(post(b"abc"))
        (connection,) = world.door
        connection.on_timeout()
        assert world.read(client, b"abc").startswith(OK)
        assert not world.ended(client)

    def test_empty_lines_that_were_not_read_are_no_request(self, world: FrontDoorWorld) -> None:
        """Whoever has sent nothing else has no more than a request's time from then on."""
        client = world.connect()
        client.sendall(b"\r\n")
        (late,) = world.door.countdowns.read.take_expired(world.now + READ_S)
        late.on_timeout()
        world.pass_time(READ_S)
        assert world.ended(client)

    @pytest.mark.parametrize(("said", "seconds"), [(b"", READ_S), (GET, IDLE_S)])
    def test_a_client_that_says_nothing_more(
        self, world: FrontDoorWorld, said: bytes, seconds: float
    ) -> None:
        """There is no request to answer; a kept-alive connection has its own, longer time."""
        client = world.started(said)
        if said:
            world.read(client, b"\r\n\r\n")
        world.pass_time(seconds - 1)
        assert not world.ended(client)
        world.pass_time(1)
        assert world.ended(client)

    def test_a_client_that_does_not_read(self, opened: Open) -> None:
        """Its answer is bounded in bytes and in seconds, and the application is told."""
        ends = list[type[BaseException]]()

        def parts() -> Iterable[bytes]:
            try:
                for _ in range(10_000):
                    yield b"x" * 10_000
            except BaseException as error:
                ends.append(type(error))
                raise

        world = opened(parts)
        world.started(GET)
        assert world.in_flight.pending_bytes < 100_000
        assert world.hub.parked == 1
        world.pass_time(WRITE_S)
        assert world.holds_nothing()
        assert ends == [GeneratorExit]

    def test_a_client_that_reads_slowly_gets_all(self, opened: Open) -> None:
        """The application waits for it whenever much is unread."""
        world = opened(lambda: (b"x" * 100_000 for _ in range(100)))
        client = world.started(GET)
        came = bytearray()
        while not came.endswith(b"\r\n0\r\n\r\n"):
            came += world.read(client, b"\n")
        assert came.count(b"x" * 100_000) == 100
        world.send(client, post(b"next"))
        assert world.read(client, b"next").startswith(OK)

    def test_an_answer_is_read_before_the_reset(self, world: FrontDoorWorld) -> None:
        """After a refusal what still comes is thrown away for a moment (RFC 9112 section 9.6)."""
        client = world.started(POST + length(99_999_999), b"x" * 100_000)
        assert world.read(client).startswith(b"HTTP/1.1 413 ")
        world.send(client, b"x" * 100_000)
        world.pass_time(LINGER_S)
        assert world.holds_nothing()


class TestTrouble:
    """What nobody foresaw costs one connection, never the worker."""

    @pytest.mark.parametrize("error", [ValueError("odd"), OSError("odd"), MemoryError()])
    def test_an_error_of_ours_costs_one_connection(
        self, world: FrontDoorWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        """It is logged, the others are served, and nothing of it stays counted."""
        feed = RequestParser.feed

        def feed_or_fail(parser: RequestParser, data: bytes) -> None:
            feed(parser, data)
            if b"odd" in data:
                raise error

        monkeypatch.setattr(RequestParser, "feed", feed_or_fail)
        other = world.started(POST)
        assert world.ended(world.started(POST, b"odd"))
        world.send(other, length(2) + b"ab")
        assert world.read(other, b"\r\n\r\nab")
        assert len(world.door) == 1

    @pytest.mark.parametrize("request_", [POST, b"GET / HTTP/1.1\r\n\r\n", GET])
    def test_an_error_in_telling_of_an_answer_costs_one_connection(
        self, opened: Open, request_: bytes
    ) -> None:
        """Where the time of a request is up, where it is refused, where the application fails."""
        world = opened(lambda: fail(KeyError("odd")))
        world.counter.raises = RuntimeError("odd")
        client = world.started(request_)
        world.pass_time(READ_S)
        assert world.ended(client)
        assert world.holds_nothing()

    @pytest.mark.parametrize("error", [KeyError("odd"), SystemExit(1), RecursionError()])
    def test_an_error_of_the_application_is_an_answer(
        self, opened: Open, error: BaseException
    ) -> None:
        """500 as long as nothing was sent; others are served, and so is the next request."""
        world = opened(lambda: fail(error))
        assert world.read(world.started(GET)).startswith(b"HTTP/1.1 500 ")
        assert (world.counter.responses, world.counter.problems) == ([("/a", 500)], [])
        assert world.read(world.started(post(b"ab")), b"ab").startswith(OK)

    def test_an_error_in_the_middle_of_an_answer_ends_the_connection(self, opened: Open) -> None:
        """What was sent cannot be taken back: that it is not whole is told by its end."""

        def parts() -> Iterable[bytes]:
            yield b"half"
            raise KeyError("odd")

        world = opened(parts)
        assert world.read(world.started(GET)).endswith(b"\r\n4\r\nhalf\r\n")
        assert world.holds_nothing()

    def test_a_crowd_that_comes_at_once_is_let_in_soon(self, world: FrontDoorWorld) -> None:
        """The more there are, the more come in one pass: nobody behind them waits for each."""
        world.clients += [socket.create_connection(world.address, 5) for _ in range(40)]
        at_once: list[int] = []
        while len(world.door) < len(world.clients):
            before = len(world.door)
            world.door.loop.run_once(5)
            at_once.append(len(world.door) - before)
        assert at_once == [*[1] * 16, *[2] * 8, 3, 3, 2]

    def test_a_connection_that_cannot_be_accepted_is_passed_over(
        self, world: FrontDoorWorld
    ) -> None:
        """accept(2) hands on errors of the network: the next client is none the worse for it."""

        class Broken(socket.socket):
            def accept(self) -> tuple[socket.socket, Any]:
                raise OSError(errno.ENONET, "Machine is not on the network")

        with Broken() as sock:
            assert not Listener(world.door, sock, Site(echo, {})).accept()


@pytest.mark.parametrize("in_time", [True, False])
def test_what_takes_its_time_runs_on_another_thread(
    world: FrontDoorWorld, *, in_time: bool
) -> None:
    """Others are answered meanwhile, and it is whole; after its seconds 503 is the answer."""
    over = threading.Event()

    def parts() -> Iterable[bytes]:
        over.wait(10)
        return (b"x" * 10 for _ in range(3))

    with ThreadPoolExecutor(1) as pool:
        slow = world.listen(lambda environ: ThreadedSite(answer_with(parts), environ, pool, 5.0))
        patient = world.connect(slow)
        world.send(patient, GET)
        assert world.read(world.started(post(b"ab")), b"ab").startswith(OK)
        if in_time:
            over.set()
            assert world.read(patient, b"\r\n0\r\n\r\n").count(b"x" * 10) == 3
        else:
            world.pass_time(5.0)
            assert world.read(patient).startswith(b"HTTP/1.1 503 ")
            over.set()


class TestExpectations:
    """Expect: 100-continue (RFC 9110 section 10.1.1)."""

    def test_one_leave_to_go_on_and_one_answer(self, world: FrontDoorWorld) -> None:
        """A second one would be taken for the answer."""
        client = world.started(POST + b"Expect: 100-continue\r\n" + length(3))
        assert world.read(client, CONTINUE) == CONTINUE
        world.send(client, b"a")
        world.send(client, b"bc")
        assert world.read(client, b"\r\n\r\nabc").startswith(OK)

    @pytest.mark.parametrize(
        ("pieces", "status"),
        [
            ([POST + b"Expect: 100-continue\r\n" + length(3) + b"abc"], b"200"),
            (
                [POST.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\n" + length(3), b"abc"],
                b"200",
            ),
            ([POST + b"Expect: 100-continue\r\n" + length(99_999_999)], b"413"),
            ([POST + b"Expect: cake\r\n" + length(3) + b"abc"], b"417"),
            ([POST + b"Expect: cake\r\nExpect: 100-continue\r\n" + length(3) + b"abc"], b"417"),
        ],
        ids=["whole", "HTTP/1.0", "too large", "another expectation", "one of two"],
    )
    def test_no_leave_where_nothing_waits_for_it(
        self, world: FrontDoorWorld, pieces: list[bytes], status: bytes
    ) -> None:
        """The answer is all that is to be said; HTTP/1.0 knows no 1xx."""
        client = world.started(*pieces)
        assert world.read(client, b"\r\n\r\n").startswith(b"HTTP/1.1 " + status)


@pytest.mark.promise("drains")
class TestEnd:
    """A worker that ends answers who is there and lets nobody else in."""

    def test_who_has_connected_is_served(self, world: FrontDoorWorld) -> None:
        """Those in the backlog too; each answer says that the connection ends."""
        there, late = world.connect(), socket.create_connection(world.address, 5)
        world.clients.append(late)
        world.door.stop_accepting(16, 2.0)
        for client in (there, late):
            world.send(client, post(b"ab"))
            answer = world.read(client)
            assert answer.startswith(OK)
            assert b"\r\nConnection: close\r\n" in answer
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(world.address, 5)

    def test_idle_clients_have_a_moment_more(self, world: FrontDoorWorld) -> None:
        """For a request that they may already have sent."""
        world.read(world.started(post(b"ab")), b"ab")
        world.door.stop_accepting(16, 2.0)
        world.go_on()
        assert len(world.door) == 1
        world.pass_time(2.0)
        assert len(world.door) == 0
