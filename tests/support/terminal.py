"""A command on a terminal of its own, and what a person would see and type there."""

from __future__ import annotations

import os
import pty
import subprocess
import termios
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from tests.support.local_run import READY_S, STOP_S, TOOL
from tests.support.waiting import eventually
from verification.project import ROOT


class OnTerminal:
    """`python -m verification ...`, leader of a session whose terminal we hold the other end of."""

    def __init__(self, *arguments: str, environ: dict[str, str]) -> None:
        self.text = ""
        self._ours, self._its = pty.openpty()
        # setsid --ctty makes the terminal the controlling one, so that Ctrl-C reaches the command
        command = ["setsid", "--ctty", *TOOL, *arguments]
        self._process = subprocess.Popen(
            command, env=environ, cwd=ROOT, stdin=self._its, stdout=self._its, stderr=self._its
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        """Begin to read."""
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what is left, and close the terminal."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._its)
        self._reader.join(5)
        os.close(self._ours)

    def _read(self) -> None:
        with suppress(OSError):  # the other end is closed
            while read := os.read(self._ours, 65536):
                self.text += read.decode(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until `text` has been shown."""

        def seen() -> bool:
            if self._process.poll() is not None and text not in self.text:
                raise AssertionError(f"it ended:\n{self.text}")
            return text in self.text

        eventually(seen, f"{text!r} in {self.text[-2000:]}", READY_S)

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def attributes(self) -> list[Any]:
        """Return the terminal's settings: echo, line editing and so on."""
        return termios.tcgetattr(self._its)

    def ended(self) -> int:
        """Wait for the end and return the status."""
        return self._process.wait(STOP_S)
