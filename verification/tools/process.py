"""Running an executable: an argument list in, captured output out, always within a time limit."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from verification.tools.errors import ToolFailedError, ToolMissingError, ToolTimeoutError
from verification.tools.hints import INSTALL_HINTS

_SHOWN_LINES = 15


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


class SubprocessRunner:
    """Runs real processes, each in a process group of its own."""

    def __init__(self, environ: Mapping[str, str], cwd: Path) -> None:
        """Use `environ` (PATH included) and `cwd` for every process."""
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
        process = self._start(argv, {**self._environ, **(env or {})}, with_input=stdin is not None)
        try:
            out, err = process.communicate(stdin.encode() if stdin else None, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            printed = _end(process)
            message = f"`{' '.join(argv[:6])}` did not finish within {timeout:.0f} s: {printed}"
            raise ToolTimeoutError(message) from error
        except BaseException:
            _end(process)
            raise
        return Result(tuple(argv), process.returncode, _text(out), _text(err))

    def _start(
        self, argv: Sequence[str], environ: Mapping[str, str], *, with_input: bool
    ) -> subprocess.Popen[bytes]:
        executable = shutil.which(argv[0], path=environ.get("PATH", ""))
        if executable is None:
            message = f"{argv[0]} is not on the PATH"
            raise ToolMissingError(message, INSTALL_HINTS.get(argv[0], ""))
        return subprocess.Popen(  # noqa: S603  an argument list, no shell
            [executable, *argv[1:]],
            stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
            cwd=self._cwd,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> str:
    """Kill the process with all that it started and return what it had printed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    out, err = process.communicate()
    return Result(("",), -1, _text(out), _text(err)).tail()


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace")
