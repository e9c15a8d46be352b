"""The answers to what Kafka does not acknowledge: how late they are beyond the deadline."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from bench import silence
from tests.support.fakes.consumer_clock import FakeTime
from verification.errors import CannotRunError

pytestmark = [pytest.mark.timing, pytest.mark.promise("fast")]

LATE_S = 0.2


class Server(ThreadingHTTPServer):
    """Takes all clients at the same moment."""

    request_queue_size = 64


@pytest.fixture
def broker() -> Iterator[int]:
    """Run a process that can be stopped and continued."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


@contextmanager
def serving(broker: int, when_silent: int, clock: FakeTime) -> Iterator[int]:
    """Answer 202 while the broker runs, and `when_silent` after the deadline while it does not.

    The deadline passes on a clock of the test's.
    """

    class Ingest(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            stopped = psutil.Process(broker).status() == psutil.STATUS_STOPPED
            clock.now_s = (silence.DEADLINE_S + LATE_S) * stopped
            self.send_response(when_silent if stopped else 202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with Server(("127.0.0.1", 0), Ingest) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_what_is_late_is_what_comes_after_the_deadline(broker: int) -> None:
    """The deadline itself is not counted, and the broker runs again afterwards."""
    clock = FakeTime(0)
    with serving(broker, when_silent=503, clock=clock) as port:
        late_ms = silence.late_ms(port, broker, b"{}", 1, clock.clock.monotonic)
    assert late_ms == pytest.approx(LATE_S * 1000)
    assert psutil.Process(broker).status() != psutil.STATUS_STOPPED


def test_an_acceptance_that_nobody_acknowledged_is_no_figure(broker: int) -> None:
    """A server that answers 202 while Kafka is silent is wrong, and not fast."""
    with (
        serving(broker, when_silent=202, clock=FakeTime()) as port,
        pytest.raises(CannotRunError, match="202"),
    ):
        silence.late_ms(port, broker, b"{}", rounds=1)
