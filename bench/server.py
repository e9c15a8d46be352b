"""A peer as a process on a core of its own, with what it uses of it."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from bench.machine import pinned
from bench.peers import Peer
from verification.errors import CannotRunError
from verification.run.ports import free_port
from verification.run.processes import Child, Command, spawn
from verification.traffic.http import JSON_TYPE, IngestHttp

ROOT = Path(__file__).parents[1]
_READY_S = 30
_STOP_S = 15
_ANSWER_S = 5


def post(port: int, body: bytes, timeout_s: float) -> int:
    """Post one bid request and return the status; see Http.call."""
    return IngestHttp(port).call("POST", "/bid", body, JSON_TYPE, timeout_s).status


class Server:
    """`peer` on loopback; as a context manager it is ready inside, and stopped afterwards."""

    def __init__(
        self, peer: Peer, cores: Sequence[int], log: Path, kafka: Mapping[str, str], body: bytes
    ) -> None:
        """Prepare, to run on `cores`; `body` is a bid that must be accepted."""
        self.port = free_port()
        self._command = pinned(cores, peer.command)
        self._environ = {
            **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}},
            "INGEST_HOST": "127.0.0.1",
            "INGEST_PORT": str(self.port),
            "INGEST_ADMIN_PORT": "0",
            **kafka,
            **peer.environ,
        }
        self._name, self._log, self._body = peer.name, log, body
        self._child: Child | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it accepts."""
        with self._log.open("wb") as out:
            command = Command(self._command, self._environ, ROOT)
            self._child = spawn(command, stdout=out, stderr=out)
        self._wait_until_accepting(time.monotonic() + _READY_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        if self._child is not None:
            self._child.stop(_STOP_S)

    @property
    def worker_pid(self) -> int:
        """The process that serves: the first that has no children."""
        return next(each.pid for each in self._processes() if not each.children())

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its processes so far, user and system."""
        return sum(sum(each.cpu_times()[:2]) for each in self._processes())

    def memory_mib(self) -> float:
        """Return the resident memory of its largest process."""
        return max(each.memory_info().rss for each in self._processes()) / 2**20

    def _processes(self) -> list[psutil.Process]:
        assert self._child is not None  # noqa: S101  it is asked inside the context only
        parent = psutil.Process(self._child.pid)
        return [parent, *parent.children(recursive=True)]

    def _wait_until_accepting(self, deadline: float) -> None:
        while not self._accepts():
            ended = self._child is None or self._child.poll() is not None
            if ended or time.monotonic() > deadline:
                tail = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise CannotRunError(f"{self._name} accepts nothing; the end of its log:\n{tail}")
            time.sleep(0.1)

    def _accepts(self) -> bool:
        with suppress(OSError, http.client.HTTPException):
            return post(self.port, self._body, _ANSWER_S) == http.HTTPStatus.ACCEPTED
        return False
