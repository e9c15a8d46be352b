"""One request to a WSGI application, and its answer back (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Executor
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from app.gunicorn_worker.request_parser import Request
from app.gunicorn_worker.response import HttpDate, render_head
from app.loop.hub import Hub
from app.problems import Unavailable

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

_BODYLESS = frozenset((HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED))
_INFORMATIONAL_TO = 200
_KNOWN_NAMES = 512
_keys: dict[bytes, str | None] = {b"content-type": "CONTENT_TYPE"}


def base_environ(server: tuple[Any, ...], *, multiprocess: bool) -> WSGIEnvironment:
    """Return what every request to one address has in common."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,  # requests overlap, though one thread runs them
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        "SCRIPT_NAME": "",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
    }


def build_environ(
    request: Request, base: WSGIEnvironment, peer: tuple[Any, ...]
) -> WSGIEnvironment:
    """Return the request as an environment; its body is whole, so its length is known.

    A field with an underscore is left out: it would pass for one with a hyphen.
    """
    path = request.path
    environ = base.copy()
    environ["REQUEST_METHOD"] = request.method.decode("latin-1")
    environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
    environ["QUERY_STRING"] = request.query.decode("latin-1")
    environ["RAW_URI"] = request.target.decode("latin-1")
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if request.version == (1, 1) else "HTTP/1.0"
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer[0], str(peer[1])
    for name, value in request.fields:
        key = _keys[name] if name in _keys else _key_of(name)
        if key is None:
            continue
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    environ["CONTENT_LENGTH"] = str(len(request.body))
    environ["wsgi.input"] = BytesIO(request.body)
    return environ


def _key_of(name: bytes) -> str | None:
    """Return a field's name in an environment; remember it, unless there are many already."""
    text = name.decode("latin-1")
    key = _keys.get(name.lower(), f"HTTP_{text.upper().replace('-', '_')}")
    if "_" in text or text.lower() in {"content-length", "transfer-encoding"}:
        key = None
    if len(_keys) < _KNOWN_NAMES:
        _keys[name] = key
    return key


class Exchange:
    """Runs the application for one request and sends what it answers, piece by piece."""

    def __init__(
        self,
        request: Request,
        send: Callable[[bytes], None],
        date: HttpDate,
        *,
        may_keep_alive: bool,
    ) -> None:
        """Take what sends; it may wait until the client has read."""
        self._request = request
        self._send = send
        self._date = date
        self.keep_alive = may_keep_alive and request.keep_alive
        self.status = ""
        self.head_sent = False
        self._fields: list[tuple[str, str]] = []
        self._length: int | None = None  # of the body, where it is known
        self._says_length = False  # the application does
        self._is_to_head = request.method == b"HEAD"
        self._has_no_body = self._is_to_head
        self._chunked = False
        self._sent = 0

    def run(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        """Answer; raises what the application raises, and what ends while it is being sent."""
        parts = application(environ, self.start)
        try:
            if self._length is None and isinstance(parts, (list, tuple)):
                self._length = sum(map(len, parts))
            for part in parts:
                self.write(part)
            self._finish()
        finally:
            environ.pop("wsgi.input", None)  # or a framework's cycles would keep the body
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def with_buffer(self, send: Callable[[bytes], None]) -> Exchange:
        """Return one for the same request whose answer goes somewhere else."""
        return Exchange(self._request, send, self._date, may_keep_alive=self.keep_alive)

    def send_buffered(self, other: Exchange, answer: bytes) -> None:
        """Send what has been answered elsewhere."""
        self.status, self.keep_alive, self.head_sent = other.status, other.keep_alive, True
        self._send(answer)

    def start(
        self, status: str, fields: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Keep status and fields until there is something to send; PEP 3333's start_response."""
        if exc_info is not None and self.head_sent:
            raise exc_info[1] or RuntimeError("an error without one")
        if self.status and exc_info is None:
            raise AssertionError("start_response was called twice")
        self.status, self._fields = status, fields
        code = int(status[:3])
        self._has_no_body = self._is_to_head or code in _BODYLESS or code < _INFORMATIONAL_TO
        given = {name.lower(): value for name, value in fields}
        self._says_length = "content-length" in given
        self._length = int(given["content-length"]) if self._says_length else None
        self.keep_alive = self.keep_alive and given.get("connection", "").lower() != "close"
        return self.write

    def write(self, data: bytes) -> None:
        """Send a part of the body, and the head before the first one."""
        if not data:
            return
        head = b"" if self.head_sent else self._head()
        self._send(head + self._frame(data))

    def _head(self) -> bytes:
        if not self.status:
            raise AssertionError("start_response was not called")
        self.head_sent = True
        fields, framing = self._fields, ""
        if self._has_no_body and not self._is_to_head:
            fields = [item for item in fields if item[0].lower() != "content-length"]
        elif not self._says_length:
            framing = self._choose_framing()
        return render_head(self.status, fields, framing + self._connection(), self._date)

    def _choose_framing(self) -> str:
        if self._length is not None:
            return f"Content-Length: {self._length}\r\n"
        if self._request.version == (1, 1) and not self._is_to_head:
            self._chunked = True
            return "Transfer-Encoding: chunked\r\n"
        self.keep_alive = self.keep_alive and self._is_to_head
        return ""

    def _connection(self) -> str:
        if not self.keep_alive:
            return "Connection: close\r\n"
        return "" if self._request.version == (1, 1) else "Connection: keep-alive\r\n"

    def _frame(self, data: bytes) -> bytes:
        if self._has_no_body:
            return b""
        if self._chunked:
            return b"%x\r\n%b\r\n" % (len(data), data)
        if self._length is not None:
            data = data[: self._length - self._sent]
            self._sent += len(data)
        return data

    def _finish(self) -> None:
        """Send what is left; a body that is too short can be told by the connection's end alone."""
        rest = b"" if self.head_sent else self._head()
        if self._chunked:
            rest += b"0\r\n\r\n"
        elif self._length is not None and self._sent < self._length and not self._has_no_body:
            self.keep_alive = False
        if rest:
            self._send(rest)


class Site:
    """The application behind one listener."""

    def __init__(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self._application = application

    def run(self, exchange: Exchange, environ: WSGIEnvironment, _hub: Hub) -> None:
        """Answer one request, in a greenlet."""
        exchange.run(self._application, environ)


class ThreadedSite(Site):
    """An application that takes its time: a thread runs it, so that the loop need not wait."""

    def __init__(
        self,
        application: WSGIApplication,
        environ: WSGIEnvironment,
        executor: Executor,
        seconds: float,
    ) -> None:
        """Take the thread, and how long a request may take, waiting for it included."""
        super().__init__(application, environ)
        self._executor = executor
        self._seconds = seconds

    def run(self, exchange: Exchange, environ: WSGIEnvironment, hub: Hub) -> None:
        """Answer one request, whole: sockets are the loop's."""
        pieces: list[bytes] = []
        there = exchange.with_buffer(pieces.append)
        try:
            hub.run_in(self._executor, self._seconds, lambda: there.run(self._application, environ))
        except TimeoutError as error:
            raise Unavailable("This took too long.", "unknown") from error
        exchange.send_buffered(there, b"".join(pieces))
