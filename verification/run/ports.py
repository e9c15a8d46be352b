"""Whether the ports that a run needs are free, and who has them if not."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import psutil

from verification.errors import CannotRunError


@dataclass(frozen=True)
class Port:
    """A port that something is going to listen on, and the setting that changes it."""

    host: str
    number: int
    setting: str


def refuse_taken(ports: Iterable[Port]) -> None:
    """Raise CannotRunError naming the first port that cannot be listened on."""
    settings: dict[int, str] = {}
    with ExitStack() as held:
        for port in ports:
            if (other := settings.setdefault(port.number, port.setting)) != port.setting:
                message = f"{other} and {port.setting} are both {port.number}: set {port.setting}"
                raise CannotRunError(message)
            family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
            probe = held.enter_context(socket.socket(family))
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((port.host, port.number))
                probe.listen()
            except OSError as error:
                raise CannotRunError(_refusal(port, error)) from error


def _refusal(port: Port, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port.number} is taken{_holder(port.number)}: "
            f"stop that or set {port.setting} to another port"
        )
    return f"cannot listen on {port.host}:{port.number} ({port.setting}): {error.strerror}"


def _holder(number: int) -> str:
    with suppress(psutil.Error):  # not every system tells an ordinary user
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.pid is not None
            if listens and connection.laddr and connection.laddr.port == number:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
