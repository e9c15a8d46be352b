"""Crowds of clients that mean no good: they connect, hold on, and come back when sent away."""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Self

from tests.support.background import Background

_ROUND_S = 1.0  # in which each of them does something once
_PARTS = 10
_CONNECT_S = 30
_READ_BYTES = 65_536
_SMALL_BUFFER = 4_096
_RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: a crowd that goes leaves no TIME_WAIT behind


@dataclass(frozen=True)
class Habit:
    """What each of a crowd does: how it begins, what it goes on with, whether it ever reads."""

    name: str
    beginning: bytes
    further: bytes
    reads: bool


_PROBES = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 200
_HEAD = b"POST /bid HTTP/1.1\r\nHost: x\r\n"
NOT_READING = Habit("do not read", _PROBES, _PROBES, reads=False)
TRICKLING_BODIES = Habit(
    "trickle bodies", _HEAD + b"Content-Length: 5000\r\n\r\n{", b" ", reads=True
)
# a thousand of them have more than a worker keeps of requests on their way
HALF_BODIES = Habit(
    "send half a body",
    _HEAD + b"Content-Length: 34000\r\n\r\n{" + b" " * 17_000,
    b" ",
    reads=True,
)
TRICKLING_HEADS = Habit("trickle heads", _HEAD + b"X-Slow: ", b"a", reads=True)
HABITS = (NOT_READING, TRICKLING_BODIES, HALF_BODIES, TRICKLING_HEADS)


class Crowd(Background):
    """So many clients of one habit on loopback, from the beginning of the context to its end.

    As many as were asked for are there all the time: who was sent away comes back within a second.
    """

    def __init__(self, port: int, habit: Habit, count: int) -> None:
        super().__init__(self._be_there)
        self._port = port
        self._habit = habit
        self._count = count
        self._clients: list[socket.socket] = []
        self.sent_away = 0

    def __enter__(self) -> Self:
        """Connect them all."""
        for _ in range(self._count):
            self._clients.append(self._joined())
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        """Let them go."""
        super().__exit__(*error)
        for client in self._clients:
            client.close()

    def _be_there(self) -> None:
        part = 0
        while not self.ending.wait(_ROUND_S / _PARTS):
            part = (part + 1) % _PARTS
            for number in range(part, self._count, _PARTS):
                if not self._goes_on(self._clients[number]):
                    self._replace(number)

    def _goes_on(self, client: socket.socket) -> bool:
        try:
            client.send(self._habit.further)
            if self._habit.reads:
                client.recv(_READ_BYTES)  # an answer, or the end: the trick has been seen through
        except BlockingIOError:
            return True
        except OSError:
            return False
        return not self._habit.reads

    def _replace(self, number: int) -> None:
        self.sent_away += 1
        self._clients[number].close()
        self._clients[number] = self._joined()

    def _joined(self) -> socket.socket:
        client = socket.socket()
        client.settimeout(_CONNECT_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if not self._habit.reads:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        with suppress(OSError):  # the server has no room; the next round sees it and tries again
            client.connect(("127.0.0.1", self._port))
            client.settimeout(0)
            client.send(self._habit.beginning)
        return client


@contextmanager
def many_descriptors(wanted: int) -> Iterator[None]:
    """Let this process, and those that it starts, open so many files where the machine allows."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, enough), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@contextmanager
def crowds(port: int, count: int, *habits: Habit) -> Iterator[list[Crowd]]:
    """Have a crowd of each habit there."""
    with ExitStack() as stack:
        yield [stack.enter_context(Crowd(port, habit, count)) for habit in habits]
