"""Many connections in step: each sends a piece, the server has read them all, then the next.

That the server has read what was sent is known from an answer to a request that was sent later, on
a connection of its own: a server with one event loop has looked at all earlier bytes by then. So
each piece arrives by itself, and nothing waits for a length of time.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from tests.support.framing.case import Try
from tests.support.framing.wire import Garbage, WireAnswer, read_answers

PROBE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
_LAST_REQUEST = PROBE + b"Connection: close\r\n\r\n"
_AT_ONCE = 200
_PATIENCE_S = 20.0
_RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: thousands of connections leave no TIME_WAIT


@dataclass
class Exchange:
    """One try, and what came of it."""

    what: Try
    received: bytes = b""
    ended: bool = False  # by the server
    answers: list[WireAnswer] = field(default_factory=list)
    rest: bytes = b""
    garbage: str | None = None

    @property
    def finals(self) -> list[WireAnswer]:
        return [answer for answer in self.answers if not answer.is_interim]

    @property
    def is_answered(self) -> bool:
        return len(self.finals) >= len(self.what.case.answers) or self.garbage is not None

    def take(self, data: bytes) -> None:
        """Take in what came; nothing is the end."""
        self.ended = not data
        self.received += data
        try:
            self.answers, self.rest = read_answers(self.received, self.what.case.heads)
        except Garbage as error:
            self.garbage = str(error)


class Volley:
    """Sends tries to a server on loopback that has one event loop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.probes = 0  # answers of our own making: the steps, and the last request of each try

    def fire(self, tries: Iterable[Try]) -> list[Exchange]:
        """Send them all, some hundred at a time, and return what came of each."""
        return asyncio.run(self._fire(tries))

    async def _fire(self, tries: Iterable[Try]) -> list[Exchange]:
        exchanges: list[Exchange] = []
        rest = iter(tries)
        steps = await self._connected()
        try:
            while some := [Exchange(each) for each in islice(rest, _AT_ONCE)]:
                await self._exchange(some, steps)
                exchanges += some
        finally:
            steps.close()
        return exchanges

    async def _exchange(self, exchanges: Sequence[Exchange], steps: socket.socket) -> None:
        sockets = [await self._connected() for _ in exchanges]
        try:
            for pieces in zip_longest(*(exchange.what.pieces for exchange in exchanges)):
                for sock, piece in zip(sockets, pieces, strict=True):
                    await _send(sock, piece or b"")
                await self._step(steps)
            await asyncio.gather(*map(_conclude, exchanges, sockets))
        finally:
            for sock in sockets:
                sock.close()

    async def _connected(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)  # noqa: FBT003  the standard library's own
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
        return sock

    async def _step(self, steps: socket.socket) -> None:
        for _ in range(2):  # the first may be read in the same pass as the pieces, before some
            await _send(steps, PROBE + b"\r\n")
            received = b""
            while not received or not read_answers(received)[0]:
                data = await _receive(steps)
                assert data, f"the connection that keeps step was closed after {received!r}"
                received += data
            self.probes += 1


async def _send(sock: socket.socket, data: bytes) -> None:
    if data:
        with suppress(OSError):  # refused and closed; its answer is read later
            await asyncio.get_running_loop().sock_sendall(sock, data)


async def _receive(sock: socket.socket) -> bytes:
    try:
        return await asyncio.get_running_loop().sock_recv(sock, 65_536)
    except OSError:
        return b""


async def _conclude(exchange: Exchange, sock: socket.socket) -> None:
    """Read the answers, then ask once more to see whether the connection is kept."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            if exchange.what.case.finishes:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)
            else:
                while not exchange.ended and not exchange.is_answered:
                    exchange.take(await _receive(sock))
                await _send(sock, _LAST_REQUEST)
            while not exchange.ended:
                exchange.take(await _receive(sock))
