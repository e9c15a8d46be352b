"""A TCP proxy in front of one Kafka broker that does to its clients what networks do."""

from __future__ import annotations

import queue
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from common.addresses import join_host_port, split_host_port
from verification.run.ports import free_port

PRODUCE = 0  # the API key of Produce in Kafka's protocol
_SIZE = struct.Struct(">i")
_REQUEST = struct.Struct(">hhi")  # API key, version, correlation id
_JOIN_S = 5


class Way(Enum):
    """Which way a message goes."""

    REQUEST = "request"
    RESPONSE = "response"


Cut = Callable[[Way, int], bool]
Arrivals = queue.SimpleQueue[tuple[float, bytes] | None]  # with when it came, monotonic seconds


def never(_way: Way, _api: int) -> bool:
    return False


class Times:
    """Cuts the first `left` messages of an API that go `way`."""

    def __init__(self, way: Way, api: int, left: int = 1) -> None:
        self._wanted = (way, api)
        self._left = left
        self._lock = threading.Lock()

    def __call__(self, way: Way, api: int) -> bool:
        """Say whether the connection is cut instead of passing this message on."""
        with self._lock:
            if (way, api) != self._wanted or not self._left:
                return False
            self._left -= 1
            return True

    @property
    def done(self) -> bool:
        return not self._left


@dataclass(frozen=True)
class Fault:
    """What happens to each message; the default is nothing.

    Responses come `delay_s` late, and up to `jitter_s` more, however many are in flight at once
    (a long way, not a narrow one); everything is passed on in pieces of
    `piece_bytes` (0: whole), at `bytes_per_s` of each connection each way (0: at once); nothing
    passes a `black_hole`, and no connection breaks there either.
    """

    delay_s: float = 0
    jitter_s: float = 0
    piece_bytes: int = 0
    bytes_per_s: int = 0
    black_hole: bool = False
    cut: Cut = never


NO_FAULT = Fault()


@dataclass(eq=False)
class _Link:
    near: socket.socket
    far: socket.socket
    awaited: dict[int, int] = field(default_factory=dict)  # correlation id to API key

    def cut(self) -> None:
        for end in (self.near, self.far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class FaultProxy:
    """Stands before `upstream`, host:port, whose own address it replaces in what the broker tells.

    Kafka's clients connect to the addresses that brokers tell them. The proxy has the same host
    and another port, so that it can put the one in the place of the other.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = self._host, port = split_host_port(upstream)
        self._family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self.port = free_port()
        self._told = self._host.encode() + _SIZE.pack(port)
        self._tells = self._host.encode() + _SIZE.pack(self.port)
        self._changed = threading.Condition()
        self._fault = NO_FAULT
        self._ended = False
        self._links: set[_Link] = set()
        self._threads: list[threading.Thread] = []
        self._server: socket.socket | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients reach the broker through it."""
        return join_host_port(self._host, self.port)

    def __enter__(self) -> Self:
        """Listen."""
        self.come_back()
        return self

    def __exit__(self, *_error: object) -> None:
        """Cut everything and end the threads."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self.go_away()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def inject(self, fault: Fault) -> None:
        """Do this to messages from now on, those that are underway included."""
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def heal(self) -> None:
        self.inject(NO_FAULT)

    def reset(self) -> None:
        """Cut every connection; new ones are taken."""
        for link in list(self._links):
            link.cut()

    def go_away(self) -> None:
        """Refuse connections, and cut those there are."""
        with self._changed:
            server, self._server = self._server, None
        if server is not None:
            with suppress(OSError):  # wakes the thread in accept
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        self.reset()

    def come_back(self) -> None:
        """Take connections again, on the same port."""
        self._server = socket.create_server((self._host, self.port), family=self._family)
        self._run(self._accept, self._server)

    def _run(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]
        thread.start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._upstream, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            link = _Link(near, far)
            if not self._joined(link, server):
                return
            self._pass_on_all(link, near, far, Way.REQUEST)
            self._pass_on_all(link, far, near, Way.RESPONSE)

    def _joined(self, link: _Link, server: socket.socket) -> bool:
        """Say whether the link counts, or was cut since we went away while it was being made."""
        with self._changed:
            if self._server is server:
                self._links.add(link)
                return True
        link.cut()
        return False

    def _pass_on_all(
        self, link: _Link, source: socket.socket, target: socket.socket, way: Way
    ) -> None:
        arrivals: Arrivals = queue.SimpleQueue()
        self._run(_note_arrivals, source, arrivals)
        self._run(self._pass_on, link, arrivals, target, way)

    def _pass_on(self, link: _Link, arrivals: Arrivals, target: socket.socket, way: Way) -> None:
        try:
            while arrival := arrivals.get():
                since, message = arrival
                api = self._api(link, way, message)
                if not self._let_through(way, api, since):
                    break
                self._send(target, message.replace(self._told, self._tells))
        except OSError:
            pass
        finally:
            link.cut()
            self._links.discard(link)

    def _api(self, link: _Link, way: Way, message: bytes) -> int:
        if way is Way.REQUEST:
            api, _, correlation = _REQUEST.unpack_from(message, _SIZE.size)
            link.awaited[correlation] = api
            return int(api)
        (correlation,) = _SIZE.unpack_from(message, _SIZE.size)
        return link.awaited.pop(correlation, -1)

    def _let_through(self, way: Way, api: int, since: float) -> bool:
        with self._changed:
            if way is Way.RESPONSE:
                late = self._fault.delay_s + random.uniform(0, self._fault.jitter_s)  # noqa: S311  no secret
                left = max(0, since + late - time.monotonic())
                self._changed.wait_for(lambda: self._ended or not self._fault.delay_s, left)
            self._changed.wait_for(lambda: self._ended or not self._fault.black_hole)
            return not self._ended and not self._fault.cut(way, api)

    def _send(self, target: socket.socket, message: bytes) -> None:
        piece = self._fault.piece_bytes or len(message)
        for start in range(0, len(message), piece):
            target.sendall(message[start : start + piece])
        if self._fault.bytes_per_s:
            with self._changed:
                busy_s = len(message) / self._fault.bytes_per_s
                self._changed.wait_for(lambda: self._ended or not self._fault.bytes_per_s, busy_s)


def _note_arrivals(source: socket.socket, arrivals: Arrivals) -> None:
    """Put each message of `source` into `arrivals` as it comes, and None behind the last."""
    with suppress(OSError):
        for message in _messages(source):
            arrivals.put((time.monotonic(), message))
    arrivals.put(None)


def _messages(source: socket.socket) -> Iterator[bytes]:
    """Yield whole messages of Kafka's protocol, their four bytes of size in front."""
    while (size := _exactly(source, _SIZE.size)) and (
        content := _exactly(source, _SIZE.unpack(size)[0])
    ):
        yield size + content


def _exactly(source: socket.socket, count: int) -> bytes:
    """Return `count` bytes, fewer only at the end."""
    read = bytearray()
    while len(read) < count and (piece := source.recv(min(count - len(read), 65_536))):
        read += piece
    return bytes(read) if len(read) == count else b""
