"""`python -m verification run` as a process, on free ports and with data of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

from tests.support.ingest import PATIENT
from tests.support.ports import free_settings
from tests.support.signals import taken
from tests.support.waiting import eventually
from verification.project import ROOT

TOOL = (sys.executable, "-m", "verification")
READY_S = 120  # an empty cache and a busy machine included
STOP_S = 60


def environment(data: Path, **extra: str) -> dict[str, str]:
    """Return an environment that keeps a run to itself."""
    own = {**free_settings(), **PATIENT, "RUN_KAFKA_DATA": str(data)}
    # its services are slow enough without being measured: that others do, on a Kafka they share
    given = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return {**given, **own, **extra}


def gone(pid: int) -> bool:
    """Say whether no such process runs (nobody may have collected its status yet)."""
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return True


def tool(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run another command."""
    return subprocess.run(
        [*TOOL, *arguments], env=environ, cwd=ROOT, capture_output=True, check=False
    )


class LocalRun:
    """A started run; `out` and `err` grow while it lives."""

    def __init__(self, environ: dict[str, str], stdout: int = subprocess.PIPE) -> None:
        self.environ = environ
        self.out: list[str] = []
        self.err: list[str] = []
        command = [*TOOL, "run"]
        with taken(signal.SIGHUP, signal.SIG_DFL):  # what nohup ignores is inherited
            self.process = subprocess.Popen(
                command, env=environ, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True
            )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], lines: list[str]) -> None:
        with stream:
            lines.extend(stream)

    def said(self, text: str) -> bool:
        """Say whether `text` has come on standard error."""
        return text in "".join(self.err)

    def wait_for(self, *texts: str) -> None:
        """Wait until one of `texts` has come on standard error."""

        def seen() -> bool:
            ended = self.process.poll() is not None
            if any(map(self.said, texts)):
                return True
            assert not ended, "".join(["it ended:\n", *self.err])
            return False

        eventually(seen, f"{texts} in {''.join(self.err)}", READY_S)

    def processes(self) -> dict[str, psutil.Process]:
        """Return the main processes: `app`, `consumer` and, with the embedded Kafka, `kafka`."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            command = child.cmdline()
            found["kafka" if "kafka.Kafka" in command else command[-1]] = child
        return found

    def everything(self) -> list[int]:
        """Return the ids of the run and all that it has started."""
        own = psutil.Process(self.process.pid)
        return [own.pid, *(child.pid for child in own.children(recursive=True))]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the status."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self, timeout_s: float = STOP_S) -> int:
        """Wait for the end and for the last lines; return the status."""
        status = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join(5)
        return status

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run another command with the same environment."""
        return tool(*arguments, environ=self.environ)

    def elsewhere(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run another command in a terminal that knows but the port, which says what is meant."""
        port = {"INGEST_PORT": self.environ["INGEST_PORT"]}
        return tool(*arguments, environ={**os.environ, **port})


@contextmanager
def ending(run: LocalRun) -> Iterator[LocalRun]:
    """Kill what is left of a run afterwards."""
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.ended()


@contextmanager
def running(environ: dict[str, str]) -> Iterator[LocalRun]:
    """Start a run, wait for its banner, and kill what is left of it afterwards."""
    with ending(LocalRun(environ)) as run:
        run.wait_for("The pipeline is ready")
        yield run
