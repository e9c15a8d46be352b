"""Host and port as one text, with an IPv6 address in brackets (RFC 3986)."""

from __future__ import annotations


def join_host_port(host: str, port: int) -> str:
    """Return `host:port`, or `[host]:port` for an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_host_port(address: str) -> tuple[str, int]:
    """Return the host, without its brackets, and the port; raise ValueError without a port."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)
