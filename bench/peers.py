"""Who is measured: each answers POST /bid, and each does something else for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

BARE, NAIVE, OURS, GO = "bare", "naive", "ours", "go"
HERE = Path(__file__).parent
THREADS = 32  # of the peers on gunicorn's own worker: twice as many bring next to nothing more
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


def ours(deadline_s: float = _NO_REFUSALS_S, **settings: str) -> Peer:
    """Return the ingest with everything on."""
    return Peer(
        name=OURS,
        what="validation enforced, acks=all, metrics, one log line a request",
        command=(sys.executable, "-m", "app"),
        environ={
            "INGEST_WORKERS": "1",
            "INGEST_PUBLISH_TIMEOUT_MS": str(round(deadline_s * 1000)),
            **settings,
        },
    )


def on_own_worker(application: str, name: str, what: str, folder: Path) -> Peer:
    """Return the ingest's worker with another application."""
    counts = folder / f"counts-{application}"
    counts.mkdir()
    own = {"PROMETHEUS_MULTIPROC_DIR": str(counts)}
    command = (sys.executable, "-m", "bench.own_worker", application)
    return Peer(name, what, command, {**ours().environ, **own})


def go(build_dir: Path) -> Peer:
    """Build the Go peer, where Go is there."""
    binary = build_dir / "go_peer"
    peer = Peer(GO, "net/http and segmentio/kafka-go, acks=all, batches of 1 ms", (str(binary),))
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
        Peer(BARE, "a Flask route that returns 202 at once", under_gunicorn("bench.bare")),
        Peer(NAIVE, "Flask, marshmallow, kafka-python", under_gunicorn("bench.naive")),
        ours(),
        replace(ours(INGEST_KAFKA_SENDER="thread"), name=f"{OURS}, kafka-python's own thread"),
        on_own_worker("view", f"{OURS}, by Flask's view", "no short path", build_dir),
        on_own_worker("bare", f"{BARE}, on our worker", "the worker by itself", build_dir),
        go(build_dir),
    )
