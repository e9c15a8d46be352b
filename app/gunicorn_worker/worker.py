"""gunicorn's threaded worker, so that a thread is taken by a request and never by a client.

The stock worker reads from a thread, without a time limit: as many slow clients as there are
threads stop everything, probes included. Here the event loop collects a request until it is whole;
only then does a thread get it, and has nothing left to wait for but Kafka.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from app.gunicorn_worker.arrival import Arrival, State, Waiting
from app.gunicorn_worker.raw_answers import CONTINUE, raw_answer
from app.problems import HeadTooLarge, Overloaded, Refusal, RequestTimeout, TooLarge

_READ_BYTES = 64 * 1024
_LINGER_S = 2.0  # RFC 9112 section 9.6: let the client read the answer before the reset
_MOST_OFTEN_S = 0.05


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Collects requests in the event loop; `app` is the app.gunicorn_worker.server.IngestServer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  gunicorn's own
        """Begin with no connection."""
        super().__init__(*args, **kwargs)
        self.waiting: dict[TConn, Waiting] = {}
        self._lingering: dict[socket.socket, float] = {}
        self.arriving_bytes = 0
        self._read_timeout_s: int = self.app.settings.read_timeout_s

    def init_process(self) -> None:
        """Leave time for the publisher between our own end and the arbiter's patience."""
        self.cfg.set("graceful_timeout", self.app.settings.graceful_timeout_s)
        super().init_process()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Turn readiness off with the first SIGTERM."""
        self.app.note_stop()
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: TConn) -> None:
        """Collect a request first; gunicorn calls this for new and for kept-alive connections."""
        deadline = time.monotonic() + self._read_timeout_s
        self.waiting[conn] = Waiting(Arrival(self.app.settings.max_body_bytes), deadline)
        conn.sock.settimeout(0)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_bytes, conn))
        if conn.parser is not None and (ahead := conn.parser.unreader.take_buffered()):
            with self._losing_only(conn):
                self._take_in(conn, ahead)
        else:
            self._on_bytes(conn, conn.sock)

    def murder_pending(self) -> None:
        """Refuse requests that took too long, and end what has lingered long enough."""
        now = time.monotonic()
        for conn, waiting in [*self.waiting.items()]:
            if waiting.deadline > now:
                break
            with self._losing_only(conn):
                if len(waiting.arrival):
                    self._refuse(conn, RequestTimeout("The request did not arrive in time."))
                else:
                    self._drop(conn)
        for sock, deadline in [*self._lingering.items()]:
            if deadline > now:
                break
            self._end(sock)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wake up for the next deadline as well."""
        deadlines = [waiting.deadline for waiting in [*self.waiting.values()][:1]]
        deadlines += [*self._lingering.values()][:1]
        left = min((deadline - time.monotonic() for deadline in deadlines), default=timeout)
        super().wait_for_and_dispatch_events(min(timeout, max(left, _MOST_OFTEN_S)))

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001  gunicorn's own
        """Serve the listen backlog before accepting ends for good."""
        ends = not enabled and not self.alive
        if ends:
            for listener in self.sockets:
                self._serve_backlog(listener)
        super().set_accept_enabled(enabled)
        if ends:
            for listener in self.sockets:
                listener.close()  # clients are refused from here on, instead of reset at the end
            self._hurry()

    def accept(self, listener: socket.socket) -> bool:
        """Take a connection, if there is one, and say whether there was."""
        try:
            sock, address = listener.accept()
        except OSError:  # none is there, no descriptor is left, or its network is gone (accept(2))
            return False
        self.nr_conns += 1
        # the second line of defence: should a thread read at all, then not for long
        timeval = struct.pack("ll", self._read_timeout_s, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
        self.enqueue_req(TConn(self.cfg, sock, address, listener.getsockname()))
        return True

    def handle_request(self, req: Any, conn: TConn) -> bool:  # noqa: ANN401  gunicorn's own
        """Answer, without gunicorn's own 100 Continue: the event loop has sent it."""
        req._expected_100_continue = False  # noqa: SLF001  there is no setting for it
        return bool(super().handle_request(req, conn))

    def finish_request(self, conn: TConn, fs: Any) -> None:  # noqa: ANN401  gunicorn's own
        """Close without blocking the event loop for a client that does not close its side."""
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._linger(conn)
        else:
            super().finish_request(conn, fs)

    def _serve_backlog(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            listener.settimeout(0)
            most = range(self.cfg.backlog)  # a steady stream of clients must not hold up the end
            all(self.accept(listener) for _ in most)

    def _hurry(self) -> None:
        """Give clients that are connected and silent only a moment more, as if kept alive."""
        soon = time.monotonic() + STOP_KEEPALIVE_LINGER
        for waiting in self.waiting.values():
            if not len(waiting.arrival):
                waiting.deadline = min(waiting.deadline, soon)
        by_deadline = sorted(self.waiting.items(), key=lambda item: item[1].deadline)
        self.waiting = dict(by_deadline)

    @contextmanager
    def _losing_only(self, conn: TConn) -> Iterator[None]:
        """Let an error that nobody foresaw end this connection, and not the worker."""
        try:
            yield
        except Exception:
            self.log.exception("connection ended by an error")
            if conn in self.waiting:
                self._forget(conn)
            self.nr_conns -= 1
            conn.close()

    def _on_bytes(self, conn: TConn, sock: socket.socket) -> None:
        with self._losing_only(conn):
            try:
                data = sock.recv(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                self._take_in(conn, data)
            elif len(self.waiting[conn].arrival):
                self._serve(conn)  # the parser decides what a request is worth that ends early
            else:
                self._drop(conn)

    def _take_in(self, conn: TConn, data: bytes) -> None:
        arrival = self.waiting[conn].arrival
        held = len(arrival)
        try:
            state = arrival.feed(data)
        finally:
            self.arriving_bytes += len(arrival) - held
        if state not in {State.WAIT, State.SERVE}:
            self._refuse(conn, _too_large(state))
        elif state is State.WAIT and self.arriving_bytes > self.app.settings.max_pending_bytes:
            self._refuse(conn, Overloaded())
        else:
            self._go_on(conn, arrival, whole=state is State.SERVE)

    def _go_on(self, conn: TConn, arrival: Arrival, *, whole: bool) -> None:
        if arrival.expects_continue:
            arrival.expects_continue = False
            with suppress(OSError):
                conn.sock.send(CONTINUE)
        if whole:
            self._serve(conn)
        elif conn.parser is not None and not len(arrival):
            self._forget(conn)  # an empty line after a body begins no request: the client is idle
            (kept := Future[bool]()).set_result(True)
            super().finish_request(conn, kept)

    def _serve(self, conn: TConn) -> None:
        """Hand a whole request to a thread."""
        arrived = self._forget(conn).take()
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(arrived)
        super().enqueue_req(conn)

    def _refuse(self, conn: TConn, refusal: Refusal) -> None:
        """Answer from the event loop: this request has not become one for a thread."""
        self._forget(conn)
        self.app.note_refusal(refusal)
        with suppress(OSError):
            conn.sock.send(raw_answer(refusal))
        self._linger(conn)

    def _drop(self, conn: TConn) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: TConn) -> Arrival:
        arrival = self.waiting.pop(conn).arrival
        self.arriving_bytes -= len(arrival)
        self.poller.unregister(conn.sock)
        return arrival

    def _linger(self, conn: TConn) -> None:
        """Close our side now, and the rest when the client has done so, or soon."""
        self.nr_conns -= 1
        try:
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        self._lingering[conn.sock] = time.monotonic() + _LINGER_S
        self.poller.register(conn.sock, EVENT_READ, self._discard)

    def _discard(self, sock: socket.socket) -> None:
        try:
            ended = not sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self._end(sock)

    def _end(self, sock: socket.socket) -> None:
        del self._lingering[sock]
        self.poller.unregister(sock)
        sock.close()


def _too_large(state: State) -> Refusal:
    if state is State.HEAD_TOO_LARGE:
        return HeadTooLarge("The request line, the headers or the trailers are too large.")
    return TooLarge("The body is larger than this server takes.")
