"""The program that tries connections from inside a pod."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from verification.checklist.support.probe_pods import CONNECT, connections

pytestmark = pytest.mark.timing


def _fates(*targets: str) -> dict[str, str]:
    argv = [sys.executable, "-", *targets]
    done = subprocess.run(argv, input=CONNECT, capture_output=True, text=True, check=True)
    return connections(done.stdout)


def test_open_and_refused() -> None:
    """A port where somebody listens is open; of another one is told what became of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"127.0.0.1:{server.getsockname()[1]}"
        assert _fates(there) == {there: "open"}
    assert "ConnectionRefusedError" in _fates(there)[there]


def test_order() -> None:
    """Targets are tried at once and told in the order in which they were named."""
    targets = ["no-such-host.invalid:1", "127.0.0.1:1"]
    assert list(_fates(*targets)) == targets
