"""A Python program as a process, from the beginning of a context to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.support.waiting import eventually
from verification.project import ROOT
from verification.traffic.http import IngestHttp, Response

_STARTED_S = 60
_ENDED_S = 60
# With the last every test can be run on either of two ways to send to Kafka.
_PASSED_ON = ("PATH", "COVERAGE", "PYTHON", "INGEST_KAFKA_SENDER")


class Running:
    """`python PROGRAM`, writing to `log`: entered, it is up, and left, it has ended in order."""

    host = "127.0.0.1"
    port: int
    grace_s = _ENDED_S

    def __init__(
        self, program: Sequence[str], log: Path, environ: Mapping[str, str], *, errors: bool = True
    ) -> None:
        """Prepare; the log has its standard error as well, unless `errors` is False."""
        self.program = program
        self.log = log
        passed_on = {k: v for k, v in os.environ.items() if k.startswith(_PASSED_ON)}
        self.environ = {**passed_on, **environ}
        self._errors = errors

    def __enter__(self) -> Self:
        """Start it; returns once it is up, which is not yet ready."""
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, *self.program],
                cwd=ROOT,
                env=self.environ,
                stdout=out,
                stderr=out if self._errors else None,
            )
        try:
            self.wait_until(self.is_up, "to be up")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop it in order, and fail if it will not, or has ended in another way."""
        assert self.terminate() == 0, self.said()

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return self.process.wait(self.grace_s)

    def is_up(self) -> bool:
        """Say whether it has started."""
        raise NotImplementedError

    def wait_until_ready(self) -> Self:
        """Wait until it says that it is ready."""
        self.wait_until(lambda: self.says_200("/readyz"), "to be ready")
        return self

    def wait_until(self, probe: Callable[[], bool], what: str) -> None:
        """Wait until a probe is true of the running program; fail with its log where it ends."""

        def probed() -> bool:
            alive = self.process.poll() is None
            found = probe()
            assert found or alive, self.said()  # one that is doomed may have been up by now
            return found

        eventually(probed, f"{' '.join(self.program)} {what}", _STARTED_S)

    def says_200(self, path: str) -> bool:
        """Say whether it answers a GET with 200."""
        try:
            return self.ask("GET", path).status == 200
        except OSError:
            return False

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> Response:
        """Send a request over a connection of its own, and return the answer."""
        http = IngestHttp(self.port if port is None else port, self.host)
        return http.call(method, path, body, headers, timeout=30)

    def said(self) -> str:
        """Return what it wrote."""
        return self.log.read_text(errors="replace")
