"""The program that tries connections from inside a pod."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fakes.harness_world import World
from verification.checklist.support.probe_pods import CONNECT, connections, stranger_connections

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


def test_strangers_do_not_meet(tmp_path: Path) -> None:
    """Each has a name of its own: checks that run side by side make several."""
    world = World(tmp_path)
    for _ in range(2):
        stranger_connections(world.context(), "bid-request-handler.rtb:8080")
    removed = [call[call.index("pod") + 1] for call in world.runner.calls if "delete" in call]
    assert len(set(removed)) == len(removed) == 2
