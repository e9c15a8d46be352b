"""The open-loop load: requests begin on a schedule, whatever the answers take.

A latency counts from the moment at which its request was to begin, so a server that stalls is
charged for every request that should have been sent meanwhile. `python -m bench.open_loop` is a
process of its own; `run` starts it and returns what it found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.body import bodies
from verification.traffic.quantiles import quantile

MOST_CONNECTIONS = 256
_MOST_LATE_MS = 10.0
_LEAST_ACHIEVED = 0.99
_PATIENCE_S = 5.0
_HEAD_END = b"\r\n\r\n"
_ACCEPTED = b"HTTP/1.1 202"


@dataclass(frozen=True)
class Paced:
    """What came of `rate` requests a second: how many, latencies, and how late they began (ms)."""

    rate: float
    sent: int
    accepted: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    late_p99_ms: float

    @property
    def void(self) -> str:
        """Why the run says nothing about the server; empty where it does."""
        if self.late_p99_ms > _MOST_LATE_MS:
            return f"one in a hundred requests began {self.late_p99_ms:.0f} ms late or later"
        if self.accepted < self.sent * _LEAST_ACHIEVED:
            return f"{self.sent - self.accepted} of {self.sent} requests were not accepted"
        return ""


def run(port: int, rate: float, seconds: float) -> Paced:
    """Load a server on loopback from a process of its own."""
    numbers = [f"--port={port}", f"--rate={rate}", f"--seconds={seconds}"]
    command = [sys.executable, "-m", "bench.open_loop", *numbers]
    ended = subprocess.run(command, capture_output=True, check=True)  # noqa: S603  our own command
    return Paced(**json.loads(ended.stdout))


class Load:
    """Sends what is due on whichever connection is free, opening another where none is."""

    def __init__(self, port: int, rate: float, seconds: float) -> None:
        self._port, self._rate = port, rate
        self._total = int(rate * seconds)
        self._requests = [_request(body) for body in bodies(1000)]
        self._waiting: deque[float] = deque()
        self._free: list[Connection] = []
        self._open: list[Connection] = []
        self._answered = self._accepted = 0
        self._latencies_ms: list[float] = []
        self._late_ms: list[float] = []

    async def run(self) -> Paced:
        """Send everything, wait for the answers, and return what came of it."""
        started = time.perf_counter() + 0.1
        for number in range(self._total):
            due = started + number / self._rate
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            self._begin(due)
            if number % 16 == 0:
                await asyncio.sleep(0)  # answers are read, also when everything is late
        await self._answers(time.perf_counter() + _PATIENCE_S)
        for connection in self._open:
            connection.close()
        return self._found()

    def freed(self, connection: Connection) -> None:
        """Take a connection back, and use it at once where a request waits."""
        self._free.append(connection)
        if self._waiting:
            self._send(self._waiting.popleft())

    def answered(self, due: float, head: bytes) -> None:
        """Count an answer to the request that was due at `due`."""
        self._latencies_ms.append(_ms_since(due))
        self._answered += 1
        self._accepted += head.startswith(_ACCEPTED)

    def _begin(self, due: float) -> None:
        if self._free:
            self._send(due)
            return
        self._waiting.append(due)
        if len(self._open) < MOST_CONNECTIONS:
            connection = Connection(self)
            self._open.append(connection)
            loop = asyncio.get_running_loop()
            opening = loop.create_connection(lambda: connection, "127.0.0.1", self._port)
            loop.create_task(opening)  # noqa: RUF006  the connection tells when it is there

    def _send(self, due: float) -> None:
        self._late_ms.append(_ms_since(due))
        raw = self._requests[int(due * 1e6) % len(self._requests)]
        self._free.pop().send(raw, due)

    async def _answers(self, deadline: float) -> None:
        while self._answered < self._total and time.perf_counter() < deadline:  # noqa: ASYNC110  a deadline, too
            await asyncio.sleep(0.01)

    def _found(self) -> Paced:
        latencies = sorted(self._latencies_ms) or [0.0]
        p50, p90, p99, p999, most = (quantile(latencies, x) for x in (0.5, 0.9, 0.99, 0.999, 1))
        late = quantile(sorted(self._late_ms) or [0.0], 0.99)
        return Paced(self._rate, self._total, self._accepted, p50, p90, p99, p999, most, late)


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on it."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be there for use."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  a stream, as asked for
        self._transport = transport
        self._load.freed(self)

    def send(self, request: bytes, due: float) -> None:
        """Send a request that was due at `due` (seconds of time.perf_counter)."""
        self._due = due
        if self._transport is not None:
            self._transport.write(request)

    def close(self) -> None:
        """Be done."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Collect the answer, and be free again once it is whole."""
        self._received += data
        head, found, body = self._received.partition(_HEAD_END)
        if found and len(body) >= _length(head):
            self._received = b""
            self._load.answered(self._due, head)
            self._load.freed(self)


def _request(body: bytes) -> bytes:
    head = (
        "POST /bid HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"content-length:")
    return int(after.partition(b"\r\n")[0] or 0)


def _ms_since(due: float) -> float:
    return (time.perf_counter() - due) * 1000


def main(arguments: Sequence[str]) -> None:
    """Run and print what was found as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.open_loop", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args(arguments)

    def loop() -> asyncio.AbstractEventLoop:
        # epoll wakes up on whole milliseconds, which a schedule of more than 1,000 a second feels
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    with asyncio.Runner(loop_factory=loop) as runner:
        found = runner.run(Load(asked.port, asked.rate, asked.seconds).run())
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
