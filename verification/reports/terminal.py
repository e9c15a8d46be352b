"""Grouped lines with marks and times; plain text where nobody looks at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from verification.checklist.support.check import Check, Severity
from verification.running import CheckResult, Status

_COLOURS = {Status.PASSED: "32", Status.FAILED: "31", Status.SKIPPED: "33"}
_FAINT = "2"
_CLEAR = "\r\x1b[2K"
_WIDTH = 100


class Terminal:
    """Follows a run, as Progress of what is waited for and Listener of the checks."""

    def __init__(self, out: TextIO, environ: Mapping[str, str], titles: Mapping[str, str]) -> None:
        self._out = out
        self._live = out.isatty() and environ.get("TERM") != "dumb"
        self._colour = self._live and not environ.get("NO_COLOR")
        self._titles = titles
        self._category = ""

    def step(self, what: str) -> None:
        """Say that a step begins."""
        self._line(self._paint(f"    … {what}", _FAINT))

    def waiting(self, what: str, elapsed_s: float, reason: str) -> None:
        """Show how long `what` has been waited for and what blocks it now; on a terminal only."""
        if self._live:
            line = f"    … {what} {elapsed_s:.0f} s: {reason}".splitlines()[0]
            self._out.write(_CLEAR + self._paint(_printable(line)[:_WIDTH], _FAINT))
            self._out.flush()

    def done(self, what: str, elapsed_s: float) -> None:  # noqa: ARG002  Progress has them
        """Take the live line away; what came true is told by the check itself."""
        self._clear()

    def begins(self, check: Check) -> None:
        """Head a new category."""
        if check.category != self._category:
            self._category = check.category
            title = self._titles.get(check.category, "")
            self._line(f"\n{self._paint(check.category, '1')}  {title}")

    def ended(self, result: CheckResult) -> None:
        """Print the check's line, and what is to be known of a failure."""
        mark = self._paint(result.status.mark, _COLOURS[result.status])
        name = result.check.id.partition(".")[2]
        time = self._paint(f"{result.seconds:5.1f} s", _FAINT)
        self._line(f"  {mark} {time}  {name:<34} {self._said(result)}")
        if result.status is Status.FAILED:
            self._explain(result)

    def _said(self, result: CheckResult) -> str:
        if result.status is Status.FAILED:
            note = " (a warning)" if result.check.severity is Severity.WARNING else ""
            return result.check.statement + note
        return self._paint(_printable(result.message.replace("\n", " "))[:_WIDTH], _FAINT)

    def _explain(self, result: CheckResult) -> None:
        for line in result.message.splitlines():
            self._line(f"              {_printable(line)}")
        self._line(f"      hint:   {result.check.hint}")
        for command in result.check.by_hand:
            self._line(f"      $       {command}")

    def say(self, text: str) -> None:
        """Print a line."""
        self._line(text)

    def _line(self, text: str) -> None:
        self._clear()
        self._out.write(f"{text}\n")
        self._out.flush()

    def _clear(self) -> None:
        if self._live:
            self._out.write(_CLEAR)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _printable(text: str) -> str:
    """Return the text without what a terminal would obey: it may quote anybody's output."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
