"""Ports to listen on: whether they are free, who has them if not, and new ones."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import psutil
from ephemeral_port_reserve import reserve

from common.addresses import join_host_port
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


def free_port() -> int:
    """Return a port on loopback that nobody else is given for the next minute.

    It has just been left by a connection of its own (TIME_WAIT), which only who listens with
    SO_REUSEADDR may ignore, as servers do. Of ports that are merely free at the moment, two who
    ask at the same time can be given the same, and the slower one does not get to listen.
    """
    number: int = reserve()
    return number


def listens(pid: int, number: int) -> bool:
    """Say whether the process, or one that it has started, listens on the port."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            for item in each.net_connections("tcp"):
                if item.status == psutil.CONN_LISTEN and item.laddr.port == number:
                    return True
    return False


def _refusal(port: Port, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port.number} is taken{_holder(port.number)}: "
            f"stop that or set {port.setting} to another port"
        )
    address = join_host_port(port.host, port.number)
    return f"cannot listen on {address} ({port.setting}): {error.strerror}"


def _holder(number: int) -> str:
    with suppress(psutil.Error):  # not every system tells an ordinary user
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.pid is not None
            if listens and connection.laddr and connection.laddr.port == number:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
