"""Programs and the like that some tests need and a machine may lack.

Each is a fixture of its name, which says that it is there, and every test that comes to ask for
it, however indirectly, bears the marker of that name, or has it by itself. Where the tool is
missing its tests are left out, and the end of the run says so in a line; who asks for them by `-m`
gets them all the same, and sees them fail.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import pytest

from tests.support import browser


@dataclass(frozen=True)
class Tool:
    """The name of its fixture and marker, how to come by it, and whether it is there."""

    name: str
    where: str
    found: Callable[[], bool]


@cache
def docker_answers() -> bool:
    """Return whether an engine answers.

    The command line asks, in a process of its own: the client library leaves its socket to the
    garbage collector where nobody answers.
    """
    if shutil.which("docker") is None:
        return False
    argv = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0


def path_of(name: str) -> str | None:
    """Return where a program is; daemons lie in folders that are not on everybody's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")


def ipv6_answers() -> bool:
    """Return whether loopback has an address of IPv6: a container's may have none."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def _on_path(*names: str) -> Callable[[], bool]:
    return lambda: all(map(path_of, names))


TOOLS = (
    Tool("docker_engine", "Docker", docker_answers),
    Tool(
        "chromium",
        "Chromium and chromedriver (Debian: chromium-driver)",
        lambda: browser.binary() is not None,
    ),
    Tool(
        "prometheus",
        "Prometheus and promtool (Debian: prometheus)",
        _on_path("prometheus", "promtool"),
    ),
    Tool("kubectl", "kubectl", _on_path("kubectl")),
    Tool("openssl", "openssl", _on_path("openssl")),
    Tool("nginx", "nginx (Debian: nginx-light)", _on_path("nginx")),
    Tool("haproxy", "HAProxy (Debian: haproxy)", _on_path("haproxy")),
    Tool("slowhttptest", "slowhttptest (Debian: slowhttptest)", _on_path("slowhttptest")),
    Tool("nodejs", "Node (Debian: nodejs)", _on_path("node")),
    Tool("golang", "Go (Debian: golang-go)", _on_path("go")),
    Tool("jdk", "a JDK (Debian: default-jdk-headless)", _on_path("java", "javac")),
    Tool("ipv6", "IPv6 on loopback", ipv6_answers),
)


def mark(items: Iterable[pytest.Item]) -> None:
    """Mark each test with the tools that it needs."""
    for item in items:
        for tool in TOOLS:
            if tool.name in getattr(item, "fixturenames", ()):
                item.add_marker(tool.name)


def part(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the tests for which all is there, and the others."""
    lacking = [tool.name for tool in TOOLS if not tool.found()]
    able: list[pytest.Item] = []
    unable: list[pytest.Item] = []
    for item in items:
        (unable if any(map(item.get_closest_marker, lacking)) else able).append(item)
    return able, unable


def lines(unable: Sequence[pytest.Item]) -> list[str]:
    """Return what was left out: a line for each tool that is missing."""
    counts = {
        tool: sum(item.get_closest_marker(tool.name) is not None for item in unable)
        for tool in TOOLS
        if not tool.found()
    }
    return [f"left out: {n} tests that need {tool.where}" for tool, n in counts.items() if n]


def require(name: str) -> None:
    """Fail the test that asked for a tool which is missing."""
    tool = next(tool for tool in TOOLS if tool.name == name)
    if not tool.found():
        pytest.fail(f"{tool.where}: not found", pytrace=False)
