"""The closed-loop peak: wrk sends on each connection as soon as it has its answer."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from verification.errors import CannotRunError

FEW, MANY = 32, 128  # connections
_SCRIPT = Path(__file__).with_name("post.lua")
_TIMEOUT_S = 10  # a machine that stands still for a moment voids no run
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Peak:
    """What a server answered: requests in all, a second, and latencies in milliseconds."""

    requests: int
    rate: float
    p50_ms: float
    p99_ms: float


def run(port: int, body_file: Path, seconds: int, connections: int = FEW) -> Peak:
    """Load a server for `seconds`; raise CannotRunError where any answer is not a success."""
    return parse(load(port, body_file, seconds, connections))


def load(port: int, body_file: Path, seconds: int, connections: int = FEW) -> str:
    """Load a server for `seconds` and return what wrk prints."""
    program = shutil.which("wrk")
    if program is None:
        raise CannotRunError("wrk is not installed: apt-get install wrk")
    options = ["--threads=1", f"--connections={connections}", f"--duration={seconds}s"]
    options += ["--latency", f"--timeout={_TIMEOUT_S}s"]
    command = [program, *options, f"--script={_SCRIPT}", f"http://127.0.0.1:{port}"]
    ended = subprocess.run(  # noqa: S603  our own command
        [*command, "--", str(body_file)], capture_output=True, text=True, check=True
    )
    return ended.stdout


def parse(output: str) -> Peak:
    """Read what wrk prints."""
    if found := re.search(r"(Non-2xx|Socket errors).*", output):
        raise CannotRunError(f"not every request was accepted: {found[0]}")
    return Peak(
        requests=int(_text(r"(\d+) requests in", output)),
        rate=float(_text(r"Requests/sec:\s+([\d.]+)", output)),
        p50_ms=_latency("50", output),
        p99_ms=_latency("99", output),
    )


def _latency(percent: str, output: str) -> float:
    value, unit = _text(rf"{percent}%\s+([\d.]+[a-z]+)", output), ""
    value, unit = re.split(r"(?<=[\d.])(?=[a-z])", value)
    return float(value) * _MS[unit]


def _text(pattern: str, output: str) -> str:
    found = re.search(pattern, output)
    if found is None:
        raise CannotRunError(f"wrk printed no {pattern!r}:\n{output}")
    return found[1]
