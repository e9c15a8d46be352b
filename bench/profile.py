"""`python -m bench.profile FOLDER`: flame graphs of a worker and of the consumer under load."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import backlog, machine, wrk
from bench.__main__ import Bench, say
from bench.peers import ours
from tests.support.waiting import eventually
from verification.errors import CannotRunError

_SECONDS = 8
_BACKLOG = 100_000
_STARTED_S = 30


def record(pid: int, svg: Path) -> subprocess.Popen[bytes]:
    """Begin to look at a process 200 times a second, for some seconds."""
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if program is None:
        raise CannotRunError("py-spy is not installed beside this Python")
    seconds = str(_SECONDS)
    options = ["--rate", "200", "--duration", seconds, "--format", "flamegraph", "--output"]
    command = [program, "record", "--pid", str(pid), *options, str(svg)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  our own command


def worker(bench: Bench, svg: Path) -> None:
    """Draw a worker of the ingest at its peak."""
    with bench.server(ours()) as server:
        wrk.run(server.port, bench.body_file, 2)  # until everything is warm
        spy = record(server.worker_pid, svg)
        wrk.load(server.port, bench.body_file, _SECONDS)
        _ended(spy, svg)


def consumer(bench: Bench, folder: Path, svg: Path) -> None:
    """Draw the bidding logic while it works off a backlog."""
    work = backlog.Backlog.made(bench.brokers, _BACKLOG, bench.core)
    with backlog.bidding_logic(work, folder / "consumer.log") as logic:
        eventually(logic.decided, "the first decisions", _STARTED_S)
        _ended(record(logic.pid, svg), svg)


def _ended(spy: subprocess.Popen[bytes], svg: Path) -> None:
    if spy.wait(_SECONDS * 4) != 0 or not svg.exists():
        raise CannotRunError("py-spy may not look at the process, or it ended: no flame graph")
    say(f"{svg}")


def main(into: Path) -> int:
    """Draw everything; return 2 where that cannot be done here."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        try:
            bench = Bench(stack, folder, machine.cores())
            worker(bench, into / "worker.svg")
            consumer(bench, folder, into / "consumer.svg")
        except CannotRunError as error:
            say(str(error))
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
