"""The real ingest as a process: gunicorn, workers and all."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.ports import free_port

# For tests that are not about the publish deadline: machines that run tests stand still at times.
PATIENT = {"INGEST_PUBLISH_TIMEOUT_MS": "8000"}
# With the last every test can be run on either of two ways to send to Kafka.
_PASSED_ON = ("PATH", "COVERAGE", "PYTHON", "INGEST_KAFKA_SENDER")

# What gunicorn says, in the order of the settings.
_LISTENING = re.compile(r"Listening at: http://\S+:(\d+),http://\S+:(\d+) ")
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  to connect to, not to bind


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the body holds
        """Return the body as JSON."""
        return json.loads(self.body)


class IngestProcess:
    """`python -m app` on two ports of loopback: free ones, unless `environ` says otherwise."""

    program: tuple[str, ...] = ("-m", "app")

    def __init__(self, log: Path, **environ: str) -> None:
        self.log = log
        self._environ = {
            **{k: v for k, v in os.environ.items() if k.startswith(_PASSED_ON)},
            "INGEST_HOST": "127.0.0.1",
            "INGEST_PORT": str(free_port()),
            "INGEST_ADMIN_PORT": str(free_port()),
            "INGEST_WORKERS": "1",
            **environ,
        }
        self.port = int(self._environ["INGEST_PORT"])
        self.admin_port = int(self._environ["INGEST_ADMIN_PORT"])

    def __enter__(self) -> Self:
        """Start it; returns once it is alive, which is not yet ready."""
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, *self.program], cwd=ROOT, env=self._environ, stdout=out
            )
        try:
            eventually(self._alive, "the ingest to answer /healthz", 60)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it in order, and fail if it will not."""
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0, self.log.read_text()

    def wait_until_ready(self) -> IngestProcess:
        """Wait until it takes bid requests."""
        eventually(self._ready, "the ingest to be ready", 60)
        return self

    def get(self, path: str) -> Answer:
        """GET a path of the public port."""
        return self._request(self.port, "GET", path, None, {})

    def get_admin(self, path: str) -> Answer:
        """GET a path of the admin port: metrics, the API's page, reasons."""
        return self._request(self.admin_port, "GET", path, None, {})

    def post(self, body: bytes, **headers: str) -> Answer:
        """POST a body to /bid; headers are given as Content_Type="..."."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._request(self.port, "POST", "/bid", body, named)

    def level(self, name: str) -> float | None:
        """Return what the workers say of a metric without labels, together; None: nothing yet."""
        lines = self.get_admin("/metrics").body.decode().splitlines()
        found = [line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"{name} ")]
        return float(found[0]) if found else None

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def log_lines(self) -> list[dict[str, Any]]:
        """Return what it wrote on standard output: one JSON object a line, or this fails."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        self._note_chosen_ports()
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def _note_chosen_ports(self) -> None:
        """Learn from its log what the system has chosen where a port is 0."""
        found = _LISTENING.search(self.log.read_text())
        if found is not None:
            self.port, self.admin_port = map(int, found.groups())

    def _request(
        self, port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        host = self._environ["INGEST_HOST"]
        connection = http.client.HTTPConnection(_REACHED_AT.get(host, host), port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()
