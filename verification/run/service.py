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
from verification.run.processes import ChildUnit, Command, spawn
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


class Service(ChildUnit):
    """One service, with a pump each for what it writes to standard output and error."""

    def __init__(self, plan: ServicePlan, output: Pump, errors: Pump, folder: Path) -> None:
        super().__init__()
        self.name = plan.name
        self._plan = plan
        self._pumps = (output, errors)
        self._folder = folder
        self._readers: list[threading.Thread] = []

    def launch(self) -> None:
        """Start it without waiting."""
        plan = self._plan
        command = Command(plan.command, plan.environ, self._folder)
        self._child = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pairs = zip(self._pumps, self._child.streams, strict=True)
        self._readers = [pump.attach(stream) for pump, stream in pairs if stream is not None]

    def blocked_by(self) -> str | None:
        """Return why it is not ready; None: it is."""
        return not_ready(self._plan.host, self._plan.port, self._plan.path, _PROBE_S)

    def stop(self, seconds: float) -> int | None:
        """End as a unit does, and pass on its last lines."""
        status = super().stop(seconds)
        self._drain()
        return status

    def kill(self) -> None:
        """End as a unit does, and pass on its last lines."""
        super().kill()
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
