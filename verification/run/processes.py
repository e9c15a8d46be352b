"""Child processes that end with us, whatever ends us."""

from __future__ import annotations

import functools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

_LIFELINE = Path(__file__).with_name("lifeline.py")
Tie = Literal["parent", "pipe"]


def default_tie() -> Tie:
    """Return how children are tied to this process on this system."""
    return "parent" if sys.platform == "linux" else "pipe"


class Child:
    """A running command, leader of a session and a process group of its own.

    A Ctrl-C at the terminal does not reach it, and it dies when this process dies.
    """

    def __init__(self, process: subprocess.Popen[bytes], lifeline: int | None) -> None:
        self._process = process
        self._lifeline = lifeline

    @property
    def pid(self) -> int:
        """The process id, also the id of its group."""
        return self._process.pid

    @property
    def streams(self) -> tuple[IO[bytes] | None, IO[bytes] | None]:
        """Its standard output and error, where `PIPE` was asked for."""
        return self._process.stdout, self._process.stderr

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._let_go()
        return status

    def stop(self, seconds: float) -> int:
        """Ask it to end, kill it after `seconds`, leave nothing of its group; return the status."""
        if self.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        return self.kill()

    def kill(self) -> int:
        """Kill the whole group at once, what an ended leader has left behind too."""
        with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(self.pid, signal.SIGKILL)
        status = self._process.wait()
        self._let_go()
        return status

    def _let_go(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


@dataclass(frozen=True)
class Command:
    """What to run, with which environment and in which folder (None: ours)."""

    arguments: Sequence[str]
    environ: Mapping[str, str]
    folder: Path | None = None


def spawn(
    command: Command,
    *,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    tie: Tie | None = None,
) -> Child:
    """Start a command that ends with this process.

    The kernel ties a child to the thread that started it, so one thread that lives as long as
    this process does starts them all.
    """
    read, write = (None, None) if (tie or default_tie()) == "parent" else os.pipe()
    option = f"parent={os.getpid()}" if read is None else f"pipe={read}"

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  an argument list, no shell
            [sys.executable, "-I", "-S", str(_LIFELINE), option, *command.arguments],
            env=dict(command.environ),
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=() if read is None else (read,),
            start_new_session=True,
        )

    try:
        process = _spawner().call(start)
    finally:
        if read is not None:
            os.close(read)
    return Child(process, write)


Starter = Callable[[], "subprocess.Popen[bytes]"]


class _Spawner:
    """A thread that starts processes and never ends before this process does."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Starter, Future[subprocess.Popen[bytes]]]]
        self._work = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="spawner", daemon=True).start()

    def call(self, start: Starter) -> subprocess.Popen[bytes]:
        done: Future[subprocess.Popen[bytes]] = Future()
        self._work.put((start, done))
        return done.result()

    def _serve(self) -> None:
        while True:
            start, done = self._work.get()
            try:
                done.set_result(start())
            except BaseException as error:  # noqa: BLE001  it belongs to who asked
                done.set_exception(error)


@functools.cache
def _spawner() -> _Spawner:
    return _Spawner()


class ChildUnit:
    """A child that is started again and again, and is not there before the first time."""

    def __init__(self) -> None:
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None before the first start."""
        return None if self._child is None else self._child.pid

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return None if self._child is None else self._child.poll()

    def stop(self, seconds: float) -> int | None:
        """Ask it to end, kill it and what it started after `seconds`; return its status."""
        return None if self._child is None else self._child.stop(seconds)

    def kill(self) -> None:
        """Kill it and whatever it started."""
        if self._child is not None:
            self._child.kill()
