"""A service of ours as a child process with a readiness endpoint."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from common.addresses import join_host_port
from verification.run.processes import Child, Command, spawn
from verification.run.pump import Pump

_PROBE_S = 1.0
_DRAIN_S = 5.0
_SHOWN = 400  # more is for the log


@dataclass(frozen=True)
class ServicePlan:
    """What to run under which name, and where it says whether it is ready, and counts."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    host: str
    port: int
    path: str = "/readyz"


class Service:
    """One service, with a pump each for what it writes to standard output and error."""

    def __init__(self, plan: ServicePlan, output: Pump, errors: Pump, folder: Path) -> None:
        self.name = plan.name
        self._plan = plan
        self._pumps = (output, errors)
        self._folder = folder
        self._child: Child | None = None
        self._readers: list[threading.Thread] = []

    @property
    def pid(self) -> int | None:
        """The process id; None before the first start."""
        return None if self._child is None else self._child.pid

    def launch(self) -> None:
        """Start it without waiting."""
        plan = self._plan
        command = Command(plan.command, plan.environ, self._folder)
        self._child = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pairs = zip(self._pumps, self._child.streams, strict=True)
        self._readers = [pump.attach(stream) for pump, stream in pairs if stream is not None]

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return None if self._child is None else self._child.poll()

    def blocked_by(self) -> str | None:
        """Return why it is not ready; None: it is."""
        return not_ready(self._plan.host, self._plan.port, self._plan.path, _PROBE_S)

    def stop(self, seconds: float) -> int | None:
        """Ask it to end, kill it and what it started after `seconds`; return its status."""
        if self._child is None:
            return None
        status = self._child.stop(seconds)
        self._drain()
        return status

    def kill(self) -> None:
        """Kill it and whatever it started."""
        if self._child is not None:
            self._child.kill()
            self._drain()

    def _drain(self) -> None:
        for reader in self._readers:
            reader.join(_DRAIN_S)


def not_ready(host: str, port: int, path: str, within: float) -> str | None:
    """Return why a readiness endpoint does not say 200; None: it does."""
    connection = HTTPConnection(host, port, timeout=within)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(_SHOWN * 10)
    except (OSError, HTTPException) as error:
        return f"{join_host_port(host, port)} does not answer ({type(error).__name__})"
    finally:
        connection.close()
    return None if answer.status == 200 else f"{path} says {read_reasons(body)}"  # noqa: PLR2004  HTTP's OK


def read_reasons(body: bytes) -> str:
    """Return the reasons in a readiness endpoint's answer, or the answer where it has none."""
    with suppress(ValueError, TypeError, KeyError):
        return ", ".join(map(str, json.loads(body)["reasons"]))[:_SHOWN]
    return repr(body[:_SHOWN])
