"""How late an answer is when Kafka falls silent: at the publish deadline, and hardly after it."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus

import psutil

from bench.server import post
from tests.support.waiting import eventually
from verification.errors import CannotRunError

DEADLINE_S = 1.0
Seconds = Callable[[], float]
_CLIENTS = 16
_PATIENCE_S = 30.0  # a broker that was stopped takes a moment to be itself again


@contextmanager
def silenced(pid: int) -> Iterator[None]:
    """Stop a process as SIGSTOP does: its connections stay, and nothing comes out of them."""
    os.kill(pid, signal.SIGSTOP)
    try:
        process = psutil.Process(pid)  # the signal is only sent when os.kill returns
        stopped = psutil.STATUS_STOPPED
        eventually(process.status, "a process to be stopped", _PATIENCE_S, until=stopped.__eq__)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def answer(port: int, body: bytes, seconds: Seconds) -> tuple[int, float]:
    """Post one bid request; return the status and the seconds that it took."""
    began = seconds()
    status = post(port, body, _PATIENCE_S)
    return status, seconds() - began


def late_ms(
    port: int, broker: int, body: bytes, rounds: int, seconds: Seconds = time.perf_counter
) -> float:
    """Return by how many milliseconds the slowest answer missed its deadline, median of rounds.

    The server on `port` waits DEADLINE_S for Kafka, whose process id is `broker`. Raises
    CannotRunError when a request is accepted that nobody can have acknowledged.
    """
    return statistics.median(_slowest_s(port, broker, body, seconds) for _ in range(rounds)) * 1000


def _slowest_s(port: int, broker: int, body: bytes, seconds: Seconds) -> float:
    accepted = HTTPStatus.ACCEPTED
    eventually(lambda: post(port, body, _PATIENCE_S) == accepted, "Kafka to be back", _PATIENCE_S)
    with silenced(broker), ThreadPoolExecutor(_CLIENTS) as clients:
        answers = [*clients.map(lambda _: answer(port, body, seconds), range(_CLIENTS))]
    if any(status != HTTPStatus.SERVICE_UNAVAILABLE for status, _ in answers):
        raise CannotRunError(f"Kafka was silent, and the answers were {answers}")
    return max(took_s for _, took_s in answers) - DEADLINE_S
