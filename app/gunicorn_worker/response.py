"""Answers as bytes (RFC 9112): every one that leaves this server is put together here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from email.utils import formatdate

_LINE_END = "\r\n"
# What a server decides by itself, whatever the application says (PEP 3333, RFC 9110 section 7.6.1).
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


class HttpDate:
    """The field `Date`, made once a second."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """Take the clock (epoch seconds)."""
        self._now = now
        self._second = -1
        self._field = ""

    def field(self) -> str:
        """Return the whole line, with its end."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._field = f"Date: {formatdate(second, usegmt=True)}{_LINE_END}"
        return self._field


class MalformedResponseError(ValueError):
    """The application has put an end of line, or a NUL, into its status or a field."""


def render_head(
    status: str, fields: Iterable[tuple[str, str]], framing: str, date: HttpDate
) -> bytes:
    """Return status line and fields; `framing` are the server's own, whole lines.

    Raises MalformedResponseError rather than let a field become two.
    """
    own = [f"{name}: {value}" for name, value in fields if name.lower() not in _HOP_BY_HOP]
    head = _LINE_END.join((f"HTTP/1.1 {status}", *own, date.field() + framing + _LINE_END))
    lines = len(own) + 3 + framing.count(_LINE_END)
    if head.count("\r") != lines or head.count("\n") != lines or "\0" in head:
        raise MalformedResponseError("an end of line in a status or a field")
    return head.encode("latin-1")
