"""The loads: what wrk prints is read, and the open loop charges a stall to the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench import wrk
from bench.body import bodies
from bench.open_loop import Load, Paced
from verification.errors import CannotRunError

pytestmark = [pytest.mark.timing, pytest.mark.promise("fast")]

PRINTED = """Running 3s test @ http://127.0.0.1:18100
  1 threads and 32 connections
  Latency Distribution
     50%    9.16ms
     75%   11.00ms
     90%  950.00us
     99%    1.20s
  9159 requests in 3.00s, 1.41MB read
Requests/sec:   3052.73
Transfer/sec:    480.90KB
"""


def test_what_wrk_prints_is_read_in_milliseconds() -> None:
    """Whichever unit it chooses."""
    assert wrk.parse(PRINTED) == wrk.Peak(9159, 3052.73, 9.16, 1200)


@pytest.mark.parametrize(
    "line", ["Non-2xx or 3xx responses: 7", "Socket errors: connect 0, read 1, write 0, timeout 0"]
)
def test_a_peak_with_refusals_is_no_peak(line: str) -> None:
    """What was not accepted is not fast."""
    with pytest.raises(CannotRunError, match=line):
        wrk.parse(PRINTED + line)


def test_bodies_differ_in_their_ids_alone() -> None:
    """Each is a bid request of its own, of the same size."""
    first, second = map(json.loads, bodies(2))
    assert (first["id"], second["id"]) == ("bench-000000", "bench-000001")
    assert {**first, "id": ""} == {**second, "id": ""}


@asynccontextmanager
async def server(stall_s: float, status: bytes = b"202 Accepted") -> AsyncIterator[int]:
    """Serve on a free port; the very first answer takes `stall_s` seconds."""
    stalls = [stall_s]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            if stalls:
                await asyncio.sleep(stalls.pop())
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n{}")

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    listening = await asyncio.start_server(until_gone, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.sleep(0.05)  # for the ends of connections to be noticed


def load(stall_s: float, status: bytes = b"202 Accepted") -> Paced:
    """Offer 100 requests a second for half a second."""

    async def run() -> Paced:
        async with server(stall_s, status) as port:
            return await Load(port, rate=100, seconds=0.5).run()

    return asyncio.run(run())


def test_every_request_is_sent_and_answered() -> None:
    """As many as the schedule has, whatever the answers take."""
    found = load(stall_s=0)
    assert (found.sent, found.accepted) == (50, 50)


def test_a_stall_is_the_latency_of_the_request_that_meets_it() -> None:
    """The others go on over connections of their own: the load does not wait for the server."""
    found = load(stall_s=0.3)
    assert found.accepted == 50
    assert 300 <= found.max_ms < 20_000


def test_refusals_are_not_accepted() -> None:
    """An answer that is no 202 counts as sent only, and makes the run void."""
    found = load(stall_s=0, status=b"503 Service Unavailable")
    assert (found.sent, found.accepted) == (50, 0)
    assert found.void
