"""Ports that nobody listens on."""

from __future__ import annotations

import socket
from contextlib import ExitStack

# The settings of the three ports of a run on this machine.
PORTS = ("RUN_KAFKA_PORT", "INGEST_PORT", "CONSUMER_HEALTH_PORT")


def free_ports(count: int) -> list[int]:
    """Return ports on loopback that were free a moment ago, each another one."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def free_port() -> int:
    """Return a port on loopback that was free a moment ago."""
    (port,) = free_ports(1)
    return port


def free_settings() -> dict[str, str]:
    """Return settings that move all of a run to free ports."""
    return dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
