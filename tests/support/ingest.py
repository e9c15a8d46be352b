"""The real ingest as a process: gunicorn, workers and all."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.support.process import Running
from verification.run.ports import free_port
from verification.traffic.http import Response

# For tests that are not about the publish deadline: machines that run tests stand still at times.
PATIENT = {"INGEST_PUBLISH_TIMEOUT_MS": "8000"}
# What gunicorn says, in the order of the settings.
_LISTENING = re.compile(r"Listening at: http://\S+:(\d+),http://\S+:(\d+) ")
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  to connect to, not to bind


class IngestProcess(Running):
    """`python -m app` on two ports of loopback: free ones, unless `environ` says otherwise."""

    program: Sequence[str] = ("-m", "app")

    def __init__(self, log: Path, **environ: str) -> None:
        own = {
            "INGEST_HOST": "127.0.0.1",
            "INGEST_PORT": str(free_port()),
            "INGEST_ADMIN_PORT": str(free_port()),
            "INGEST_WORKERS": "1",
        }
        super().__init__(self.program, log, own | environ, errors=False)
        self.port = int(self.environ["INGEST_PORT"])
        self.admin_port = int(self.environ["INGEST_ADMIN_PORT"])
        self.host = _REACHED_AT.get(self.environ["INGEST_HOST"], self.environ["INGEST_HOST"])

    def get(self, path: str) -> Response:
        return self.ask("GET", path)

    def get_admin(self, path: str) -> Response:
        """GET a path of the admin port: metrics, the API's page, reasons."""
        return self.ask("GET", path, port=self.admin_port)

    def post(self, body: bytes, **headers: str) -> Response:
        """POST a body to /bid; headers are given as Content_Type="..."."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", "/bid", body, named)

    def level(self, name: str) -> float | None:
        """Return what the workers say of a metric without labels, together; None: nothing yet."""
        lines = self.get_admin("/metrics").body.decode().splitlines()
        found = [line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"{name} ")]
        return float(found[0]) if found else None

    def worker_pids(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def log_lines(self) -> list[dict[str, Any]]:
        """Return what it wrote on standard output: one JSON object a line, or this fails."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def is_up(self) -> bool:
        """Say whether it is alive, which is not yet ready, on ports that the system may choose."""
        if found := _LISTENING.search(self.said()):
            self.port, self.admin_port = map(int, found.groups())
        return self.says_200("/healthz")
