"""One Apache Kafka node as a child process."""

from __future__ import annotations

import base64
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from verification.errors import CannotRunError
from verification.kafka.properties import HOST, server_properties
from verification.kafka.runtime import Runtime
from verification.run.ports import free_port, listens
from verification.run.processes import Child, ChildUnit, Command, spawn

START_S = 60.0
STOP_S = 10.0
_FORMAT_S = 60.0
_POLL_S = 0.05
_TAIL_LINES = 15


class Node(ChildUnit):
    """A real broker on loopback, with its controller, that dies with this process.

    It keeps its port and its data over `stop`, `kill` and `start`. Topics are not created on
    first use. As a context manager it is running inside, and stopped afterwards.
    """

    name = "kafka"

    def __init__(
        self,
        data_dir: Path,
        runtime: Runtime,
        *,
        port: int | None = None,
        environ: Mapping[str, str],
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Prepare a node with its data in `data_dir`; without a port, a free one is taken.

        `settings` are further lines of its `server.properties`.
        """
        super().__init__()
        self._settings = settings
        self._dir = data_dir.resolve()
        self._runtime = runtime
        self._environ = environ
        self._port = port or free_port()
        self._log_start = 0

    @property
    def bootstrap_servers(self) -> str:
        """The broker's `host:port`, known before it runs."""
        return f"{HOST}:{self._port}"

    @property
    def log_file(self) -> Path:
        """What Kafka logs, warnings and errors of every start."""
        return self._dir / "broker.log"

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    def start(self, within: float = START_S) -> None:
        """Start and wait until clients are served; CannotRunError with the log's end if not."""
        self.launch()
        try:
            self._wait_ready(time.monotonic() + within)
        except BaseException:
            self.kill()
            raise

    def launch(self) -> None:
        """Start without waiting; formats a fresh data directory first."""
        if self.poll() is None and self._child is not None:
            message = f"the broker on {self.bootstrap_servers} runs already"
            raise CannotRunError(message)
        self._dir.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            server_properties(self._logs, self._port, free_port(), self._settings),
            encoding="utf-8",
        )
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        if not (self._logs / "meta.properties").exists():
            self._format()
        self._child = self._spawn("kafka.Kafka", str(self._configuration))

    def is_ready(self) -> bool:
        """Say whether it accepts connections, which Kafka does once it serves clients.

        Itself: somebody else may have its port, and it has yet to end because of that.
        """
        with suppress(OSError), socket.create_connection((HOST, self._port), 1):
            return self.pid is not None and listens(self.pid, self._port)
        return False

    def blocked_by(self) -> str | None:
        """Return why it is not ready; None: it is."""
        return None if self.is_ready() else f"{self.bootstrap_servers} takes no connections yet"

    def stop(self, seconds: float = STOP_S) -> int | None:
        """Shut down in order, by force after `seconds`; return the JVM's exit status."""
        return super().stop(seconds)

    def restart(self) -> None:
        """Stop in order and start again, same port, same data."""
        self.stop()
        self.start()

    def log_tail(self) -> str:
        """Return the last lines that Kafka logged since the last start, stack traces left out."""
        with suppress(OSError), self.log_file.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
            said = [line for line in lines if not line.startswith("\tat ")]
            return "\n".join(said[-_TAIL_LINES:])
        return ""

    @property
    def _configuration(self) -> Path:
        return self._dir / "server.properties"

    @property
    def _logs(self) -> Path:
        return self._dir / "logs"

    def _spawn(self, main_class: str, *arguments: str) -> Child:
        command = Command(self._runtime.command(main_class, *arguments), self._environ)
        with self.log_file.open("ab") as log:
            return spawn(command, stdout=log, stderr=log)

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().strip("=")
        arguments = ["format", "--config", str(self._configuration), "--ignore-formatted"]
        child = self._spawn("kafka.tools.StorageTool", *arguments, f"--cluster-id={cluster}")
        deadline = time.monotonic() + _FORMAT_S
        try:
            while child.poll() is None and time.monotonic() < deadline:
                time.sleep(_POLL_S)
        finally:
            status = child.kill()
        if status != 0:
            self._fail(f"formatting {self._logs} ended with status {status}")

    def _wait_ready(self, deadline: float) -> None:
        while not self.is_ready():
            if (status := self.poll()) is not None:
                self._fail(f"Kafka ended with status {status} before it was ready")
            if time.monotonic() > deadline:
                self._fail("Kafka did not get ready in time")
            time.sleep(_POLL_S)

    def _fail(self, reason: str) -> None:
        message = f"{reason}; the end of {self.log_file}:\n{self.log_tail()}"
        raise CannotRunError(message)
