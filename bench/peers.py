"""Who is measured: each answers POST /bid, and each does something else for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
THREADS = 32  # as INGEST_THREADS has it by default
_NO_REFUSALS_S = 5.0  # longer than any stall of a busy machine: a refusal would void the run


@dataclass(frozen=True)
class Peer:
    """A server as a command, what it is set to besides Kafka and port, and why it is not run."""

    name: str
    what: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    why_not: str = ""


def under_gunicorn(factory: str) -> tuple[str, ...]:
    """Return the command for an application under gunicorn with the settings of the ingest."""
    options = f"--workers=1 --worker-class=gthread --threads={THREADS} --keep-alive=75".split()
    return (sys.executable, "-m", "bench.under_gunicorn", *options, f"{factory}:create_app()")


def ours(workers: int = 1, threads: int = THREADS, deadline_s: float = _NO_REFUSALS_S) -> Peer:
    """Return the ingest with everything on."""
    return Peer(
        name="ours (kafka-python)",
        what="validation enforced, acks=all, metrics, one log line a request",
        command=(sys.executable, "-m", "app"),
        environ={
            "INGEST_WORKERS": str(workers),
            "INGEST_THREADS": str(threads),
            "INGEST_PUBLISH_TIMEOUT_MS": str(round(deadline_s * 1000)),
        },
    )


def go(build_dir: Path) -> Peer:
    """Build the Go peer, where Go is there."""
    binary = build_dir / "go_peer"
    peer = Peer("go", "net/http and segmentio/kafka-go, acks=all, batches of 1 ms", (str(binary),))
    compiler = shutil.which("go")
    if compiler is None:
        return Peer(peer.name, peer.what, peer.command, why_not="Go is not installed")
    build = [compiler, "build", "-o", str(binary), "."]
    made = subprocess.run(build, cwd=HERE / "go_peer", capture_output=True, check=False)  # noqa: S603  our own command
    why_not = "" if made.returncode == 0 else f"it cannot be built: {made.stderr.decode()[-200:]}"
    return Peer(peer.name, peer.what, peer.command, why_not=why_not)


def all_peers(build_dir: Path) -> tuple[Peer, ...]:
    """Return every peer, in the order in which they take turns."""
    return (
        Peer("bare", "a Flask route that returns 202 at once", under_gunicorn("bench.bare")),
        Peer("naive", "Flask, marshmallow, kafka-python", under_gunicorn("bench.naive")),
        ours(),
        go(build_dir),
    )
