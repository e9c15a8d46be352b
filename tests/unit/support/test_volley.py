"""A volley reaches a server in the pieces that it should, and brings back what was answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress

from tests.support.framing.case import Case, tries
from tests.support.framing.verdict import faults, is_kept
from tests.support.framing.volley import Volley

DATE = b"Date: Sat, 28 Nov 2026 04:00:00 GMT\r\n"
ALIVE = b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Type: text/plain\r\nContent-Length: 2\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\n" + DATE + b"Content-Type: application/problem+json\r\n"
REFUSED += b'Content-Length: 14\r\nConnection: close\r\n\r\n{"status":400}'
GET = Case("get", b"GET / HTTP/1.1\r\n\r\n", (frozenset({200}),), kept=True)
BAD = Case("bad", b"bad\r\n\r\n", (frozenset({400}),), kept=False)


class Server:
    """Answers whatever ends with an empty line, and notes the pieces that it read."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        buffer, ends = b"", False
        with suppress(ConnectionResetError):
            while not ends and (piece := await reader.read(65_536)):
                self.pieces.append(piece)
                *requests, buffer = (buffer + piece).split(b"\r\n\r\n")
                for request in requests:
                    writer.write(answer(request))
                    ends = ends or b"Connection: close" in answer(request)
        writer.close()


def answer(request: bytes) -> bytes:
    """Return 400 or 200, and the end where that is asked for."""
    if request == b"bad":
        return REFUSED
    closing = b"Connection: close\r\n" if b"close" in request else b""
    return ALIVE + closing + b"\r\n{}"


@contextmanager
def serving(server: Server) -> Iterator[int]:
    """Serve on a free port, in a thread of its own, and yield the port."""
    port, end = Future[int](), Future[None]()

    async def serve() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port.set_result(listening.sockets[0].getsockname()[1])
        await asyncio.wrap_future(end)
        listening.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    yield port.result()
    end.set_result(None)
    thread.join()


def test_a_volley_brings_back_every_answer() -> None:
    """What is kept is kept, what is refused is closed, however it was cut."""
    with serving(Server()) as port:
        exchanges = Volley(port).fire([*tries(GET), *tries(BAD, 1_000)])
    assert [fault for exchange in exchanges for fault in faults(exchange)] == []
    assert {is_kept(exchange) for exchange in exchanges} == {True, False}


def test_each_piece_is_read_by_itself() -> None:
    """The server sees every byte alone where bytes are sent alone."""
    server = Server()
    by_byte = next(each for each in tries(BAD) if each.manner == "byte by byte")
    with serving(server) as port:
        Volley(port).fire([by_byte])
    assert [piece for piece in server.pieces if len(piece) == 1] == list(by_byte.pieces)


def test_a_wrong_answer_is_a_fault() -> None:
    """A server that keeps what it should close is found out."""
    wrong = Case("wrong", GET.sent, (frozenset({200}),), kept=False)
    with serving(Server()) as port:
        (first, *_) = Volley(port).fire([next(tries(wrong))])
    assert faults(first) == ["wrong, whole: the connection was kept"]
