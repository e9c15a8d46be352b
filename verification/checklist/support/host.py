"""What the harness asks of the machine that it runs on."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil

_MIB = 1024 * 1024


class LocalHost:
    """This machine."""

    def memory_available_mib(self) -> int:
        """Return the memory that programs can still have."""
        return int(psutil.virtual_memory().available // _MIB)

    def disk_free_mib(self, folder: Path) -> int:
        """Return the free space of the file system that `folder` lies on."""
        return int(psutil.disk_usage(str(folder)).free // _MIB)

    def inotify_limits(self) -> dict[str, int]:
        """Return fs.inotify.* of the kernel; empty where there is no such thing."""
        folder = Path("/proc/sys/fs/inotify")
        return {file.name: int(file.read_text()) for file in sorted(folder.glob("max_user_*"))}

    def port_owner(self, port: int) -> str | None:
        """Return who listens on 127.0.0.1:`port`; None when the port is free."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return _listener(port)
        return None


def _listener(port: int) -> str:
    unknown = f"a process of another user (`ss -ltnp 'sport = :{port}'` as root names it)"
    try:
        found = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return unknown
    for item in found:
        address = tuple(item.laddr)
        if item.status == psutil.CONN_LISTEN and address[1:] == (port,) and item.pid:
            return f"{psutil.Process(item.pid).name()} (pid {item.pid})"
    return unknown
