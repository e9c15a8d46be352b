"""One client's connection: a request is read, answered and written, then comes the next one."""

from __future__ import annotations

import socket
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit

from app.gunicorn_worker.client_socket import ClientGoneError, ClientSocket
from app.gunicorn_worker.request_parser import Request, RequestParser
from app.gunicorn_worker.wsgi import Exchange, Site, build_environ
from app.loop.event_loop import READABLE, Handler
from app.problems import InternalError, MalformedRequest, Overloaded, Problem, RequestTimeout
from common.logs import get_logger

if TYPE_CHECKING:
    from app.gunicorn_worker.front_door import FrontDoor

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Phase(Enum):
    """The phases of a connection, in the order in which a request goes through them."""

    READING = auto()  # a request, or none so far
    ANSWERING = auto()  # the application has the request
    WRITING = auto()  # the application is through, the client is not
    LINGERING = auto()  # our side is closed, and what still comes is thrown away
    CLOSED = auto()


class Connection(Handler):
    """Belongs to the loop's thread; in each phase but ANSWERING its time runs."""

    def __init__(
        self, door: FrontDoor, site: Site, sock: socket.socket, peer: tuple[Any, ...]
    ) -> None:
        self.phase = Phase.READING
        self._door = door
        self._site = site
        self._peer = peer
        self._parser = RequestParser(door.max_body_bytes)
        self._held = 0  # bytes, as what is in flight has them
        self._behind = b""  # what came behind a request, and belongs to the next
        self._keep_alive = False
        self._client = ClientSocket(
            sock, door.loop, self, door.countdowns.write, self._hold_or_close, door.monotonic
        )
        self._client.start_countdown(door.countdowns.read)

    @property
    def held(self) -> int:
        """Bytes that are kept for this client."""
        return self._parser.held + len(self._client) + len(self._behind)

    def on_event(self, _mask: int) -> None:
        """Read or write what can be read or written now."""
        if self._client:
            self._flush()
        elif self.phase is Phase.ANSWERING:
            self._client.watch(0)  # the next request waits in the kernel
        else:
            self._receive()

    def on_turn(self) -> None:
        """Take in what came behind the request before."""
        behind, self._behind = self._behind, b""
        if self.phase is Phase.READING:
            self._client.watch(READABLE)
            self._feed(behind)

    def on_timeout(self) -> None:
        """End what has taken too long; that nobody has read yet what came is no client's fault."""
        if self.phase is not Phase.READING:
            self.close()
        elif self._parser.begun:
            self.refuse(RequestTimeout("The request did not arrive in time."))
        else:
            self._client.start_countdown(self._door.countdowns.read)
            if not self._receive():
                self.close()

    def fail(self, error: BaseException) -> None:
        """End this connection, and no other; that its client is gone is no news."""
        if not isinstance(error, ClientGoneError):
            get_logger().error("connection ended by an error", exc_info=error)
        self.close()

    def refuse(self, problem: Problem) -> None:
        """Answer without the application: what has come has not become a request for it."""
        self._door.note_problem(problem, self._parser.request)
        self._send_problem(problem)

    def _send_problem(self, problem: Problem) -> None:
        """Say no, and end the connection with it."""
        self._client.send(self._door.render(problem, to_head=self._parser.is_head))
        self._finish(keep_alive=False)

    def close(self) -> None:
        """Let go of everything at once."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self._client.close()
        self._release()
        self._door.remove_connection(self)

    def _release(self) -> None:
        """Let go of what came, at once: no collector counts bytes."""
        self._parser.end()
        self._behind = b""
        self._hold_or_close()

    def _receive(self) -> bool:
        """Read what has come, or that there is no more; return False where it is neither."""
        data = self._client.receive()
        if data is None:
            return False
        if data and self.phase is not Phase.LINGERING:
            self._feed(data)
        elif not data and self._parser.begun:
            self.refuse(MalformedRequest("The request ends early."))
        elif not data:
            self.close()
        return True

    def _feed(self, data: bytes) -> None:
        parser = self._parser
        had_begun = parser.begun
        try:
            parser.feed(data)
            self._hold()
        except Problem as problem:
            self.refuse(problem)
            return
        if parser.complete:
            self._answer()
            return
        if parser.begun and not had_begun:
            self._client.start_countdown(self._door.countdowns.read)
        if parser.expects_continue:
            parser.expects_continue = False
            self._client.send(_CONTINUE)

    def _hold(self) -> None:
        """Tell what is in flight what is held; it raises Overloaded where there is no room."""
        held = self.held
        try:
            self._door.in_flight.hold(held - self._held)
        except Overloaded:
            self._door.evict_longest(self, held - self._held)
            self._door.in_flight.hold(held - self._held)
        self._held = held

    def _hold_or_close(self) -> None:
        """Tell what is in flight what is held; without room for an answer that is not read, end."""
        try:
            self._hold()
        except Overloaded:
            self.close()

    def evict(self) -> None:
        """Let go of what is held for the client: it has been at this for longer than others."""
        try:
            if self.phase is Phase.READING:
                self.refuse(Overloaded())
            else:
                self.close()
        except Exception as error:  # noqa: BLE001  it must not cost the newcomer its connection
            self.fail(error)

    def _answer(self) -> None:
        self.phase = Phase.ANSWERING
        self._client.start_countdown(None)
        assert self._parser.request is not None  # noqa: S101  for mypy: it is complete
        self._door.loop.hub.spawn(self._run, self._parser.request)

    def _run(self, request: Request) -> None:
        """Answer a request, in a greenlet of its own."""
        try:
            self._exchange(request)
        except GreenletExit:  # the worker ends
            raise
        except BaseException as error:  # noqa: BLE001  it costs one connection
            self.fail(error)

    def _exchange(self, request: Request) -> None:
        door = self._door
        exchange = Exchange(request, self._client.send, door.date, may_keep_alive=door.keeps_alive)
        try:
            environ = build_environ(request, self._site.environ, self._peer)
            self._site.run(exchange, environ, door.loop.hub)
        except (ClientGoneError, GreenletExit):
            raise
        except BaseException as error:  # noqa: BLE001  it costs this client alone its answer
            self._answer_failed(error, request, exchange)
        else:
            door.note_response(request, exchange.status)
            self._finish(keep_alive=exchange.keep_alive)

    def _answer_failed(self, error: BaseException, request: Request, exchange: Exchange) -> None:
        """Answer in the name of an application that could not; as a bid, it has counted it."""
        get_logger().error("failed", exc_info=error)
        if exchange.head_sent:
            self.close()
            return
        problem = error if isinstance(error, Problem) else InternalError()
        self._door.note_response(request, str(problem.status.value))
        self._send_problem(problem)

    def _flush(self) -> None:
        is_all = self._client.flush()
        if is_all and self.phase is Phase.WRITING:
            self._begin_next()
        elif is_all and self.phase is Phase.READING:  # it was invited to go on with its body
            self._client.watch(READABLE)
            self._client.start_countdown(self._door.countdowns.read)

    def _finish(self, *, keep_alive: bool) -> None:
        self._keep_alive, self.phase = keep_alive, Phase.WRITING
        if not self._client:
            self._begin_next()

    def _begin_next(self) -> None:
        """Begin with the next request, or end."""
        if not self._keep_alive:
            self._linger()
            return
        self.phase = Phase.READING
        self._behind = self._parser.start_next()
        self._hold_or_close()
        if self.phase is not Phase.READING:
            return
        self._client.start_countdown(self._door.countdowns.idle)
        self._client.watch(0 if self._behind else READABLE)
        if self._behind:
            self._door.loop.defer(self)  # so that nobody with many holds up the others

    def _linger(self) -> None:
        """Close our side now, the rest soon: what still comes could cost the answer (RFC 9112)."""
        self.phase = Phase.LINGERING
        self._release()
        if self.phase is Phase.CLOSED:  # there was no room for what it has not read
            return
        self._client.end_sending()
        self._client.watch(READABLE)
        self._client.start_countdown(self._door.countdowns.linger)
