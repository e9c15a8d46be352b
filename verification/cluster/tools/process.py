"""Running an executable: an argument list in, captured output out, always within a time limit."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from verification.cluster.tools.hints import INSTALL_HINTS
from verification.errors import ToolFailedError, ToolMissingError, ToolTimeoutError

_SHOWN_LINES = 15
_READ_WITHIN_S = 5.0


@dataclass(frozen=True)
class Result:
    """How one execution ended."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def command(self) -> str:
        """The command as a person would type it, shortened where an argument is a whole text."""
        shown = (part if len(part) < 80 and "\n" not in part else "..." for part in self.argv)  # noqa: PLR2004  one terminal line
        return " ".join([Path(self.argv[0]).name, *list(shown)[1:]])

    def tail(self) -> str:
        """Return the last lines of what was printed, standard error first."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return "\n".join(lines[-_SHOWN_LINES:]) or "(it printed nothing)"

    def checked(self) -> Result:
        """Return self when the status is 0; raise ToolFailedError with the output otherwise."""
        if self.code != 0:
            message = f"`{self.command}` ended with status {self.code}: {self.tail()}"
            raise ToolFailedError(message)
        return self


class Running(Protocol):
    """An execution that goes on by itself."""

    def result(self) -> Result:
        """Wait for its end; raise ToolTimeoutError when that does not come in time."""

    def end(self) -> None:
        """Kill it, with all that it started; nothing when it is over."""


class Runner(Protocol):
    """Executes argument lists."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run `argv` to its end, whatever its status.

        Raises ToolMissingError when there is no such executable and ToolTimeoutError when it does
        not end within `timeout` seconds; nothing that it started is left running then.
        """


class Starter(Runner, Protocol):
    """Executes argument lists, and need not wait for their end."""

    def start(self, argv: Sequence[str], *, timeout: float, stdin: str | None = None) -> Running:
        """Begin to run `argv` and return at once; whoever starts it asks for the result or ends it.

        Raises ToolMissingError when there is no such executable.
        """


class SubprocessRunner:
    """Runs real processes, each in a process group of its own."""

    def __init__(self, environ: Mapping[str, str], cwd: Path) -> None:
        self._environ = dict(environ)
        self._cwd = cwd

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run `argv` to its end; see Runner."""
        return self._start(argv, timeout, stdin, {**self._environ, **(env or {})}).result()

    def start(self, argv: Sequence[str], *, timeout: float, stdin: str | None = None) -> Running:
        """Begin to run `argv`; see Runner."""
        return self._start(argv, timeout, stdin, self._environ)

    def _start(
        self, argv: Sequence[str], timeout: float, stdin: str | None, environ: dict[str, str]
    ) -> _Process:
        executable = shutil.which(argv[0], path=environ.get("PATH", ""))
        if executable is None:
            message = f"{argv[0]} is not on the PATH"
            raise ToolMissingError(message, INSTALL_HINTS.get(argv[0], ""))
        with _input(stdin) as given:
            process = subprocess.Popen(  # noqa: S603  an argument list, no shell
                [executable, *argv[1:]],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ,
                cwd=self._cwd,
                start_new_session=True,
            )
        return _Process(process, tuple(argv), timeout)


class _Process:
    """A real process, whose time runs from its start."""

    def __init__(
        self, process: subprocess.Popen[bytes], argv: tuple[str, ...], timeout: float
    ) -> None:
        self._process = process
        self._argv = argv
        self._timeout = timeout
        self._by = time.monotonic() + timeout

    def result(self) -> Result:
        left = self._by - time.monotonic()
        if self._process.poll() is not None:
            left = max(left, _READ_WITHIN_S)  # it was in time, whenever it is asked for
        try:
            out, err = self._process.communicate(timeout=max(0.0, left))
        except subprocess.TimeoutExpired as error:
            command, printed = " ".join(self._argv[:6]), self._killed()
            message = f"`{command}` did not finish within {self._timeout:.0f} s: {printed}"
            raise ToolTimeoutError(message) from error
        except BaseException:
            self._killed()
            raise
        return Result(self._argv, self._process.returncode, _text(out), _text(err))

    def end(self) -> None:
        if self._process.returncode is None:
            self._killed()

    def _killed(self) -> str:
        """Kill the process with all that it started and return what it had printed."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        out, err = self._process.communicate()
        return Result(("",), -1, _text(out), _text(err)).tail()


@contextlib.contextmanager
def _input(text: str | None) -> Iterator[int | IO[bytes]]:
    """Yield what a process reads from: a file, as nobody may be there to feed a pipe."""
    if text is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace")
