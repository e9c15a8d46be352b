"""What a server makes of a stream, and why two servers may make different things of it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fuzz.echo import ECHO
from tests.support.framing.wire import Garbage, WireAnswer, read_answers

_PATIENCE_S = 20
_STEP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True)
class Interpretation:
    """The requests that were understood, in their order, and how the last one was refused."""

    requests: tuple[str, ...]
    refusal: int | None  # the status; None: the end, without a word
    garbage: str | None = None


class Server:
    """One of the two, on a port of loopback."""

    def __init__(self, port: int, *, steps: bool) -> None:
        """Take the port; with `steps`, each piece is read before the next is sent."""
        self._port = port
        self._steps = self._connected() if steps else None

    def close(self) -> None:
        """Close the connection that keeps step."""
        if self._steps is not None:
            self._steps.close()

    def interpret(self, pieces: Iterable[bytes]) -> Interpretation:
        """Send a stream and end it; return what was made of it."""
        received = bytearray()
        with closing(self._connected()) as client:
            for piece in pieces:
                with suppress(OSError):
                    client.sendall(piece)
                self._step()
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while data := client.recv(65_536):
                    received += data
        return read_echoes(bytes(received))

    def _connected(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def _step(self) -> None:
        if self._steps is None:
            return
        self._steps.sendall(_STEP)
        received = b""
        while not received or not read_answers(received)[0]:
            received += self._steps.recv(65_536)


def read_echoes(received: bytes) -> Interpretation:
    """Return what the answers say; those to HEAD say nothing, which their echo would."""
    try:
        answers, rest = read_answers(received)
    except Garbage as error:
        return Interpretation((), None, str(error))
    finals = [answer for answer in answers if not answer.is_interim]
    told = (json.loads(answer.body) for answer in finals if _is_echo(answer))
    understood = tuple(json.dumps(each, sort_keys=True) for each in told)
    refused = [answer.status for answer in finals if not _is_echo(answer)]
    if rest or len(refused) > 1 or (refused and _is_echo(finals[-1])):
        return Interpretation(understood, None, f"{refused} and {rest[:60]!r}")
    return Interpretation(understood, refused[0] if refused else None)


def _is_echo(answer: WireAnswer) -> bool:
    return answer.status == HTTPStatus.OK and answer.fields.get("content-type") == [ECHO]


@dataclass(frozen=True)
class Stop:
    """Where one of the two has stopped, for whom the stream began as it did for the other."""

    stream: bytes
    last: dict[str, Any] | None  # request, that both have understood
    following: dict[str, Any] | None  # request, that the other alone has understood

    @property
    def options(self) -> str:
        """What the last request says of its connection."""
        said: str = self.last["fields"].get("HTTP_CONNECTION", "") if self.last else ""
        return said.lower().strip()


def _stops(
    stream: bytes, ours: Interpretation, stock: Interpretation
) -> Iterator[tuple[str, Stop]]:
    for name, one, other in (("ours", ours, stock), ("stock", stock, ours)):
        seen = len(one.requests)
        if one.requests == other.requests[:seen]:
            how = "closes" if one.refusal is None else "refuses"
            last, following = _request(other, seen - 1), _request(other, seen)
            yield f"{name} {how}", Stop(stream, last, following)


def _request(of: Interpretation, number: int) -> dict[str, Any] | None:
    return json.loads(of.requests[number]) if 0 <= number < len(of.requests) else None


def _is_after_empty_lines(stop: Stop) -> bool:
    if stop.following is None:
        return False
    empty_lines = b"\r\n" * (2 if stop.last is None or stop.last["body"] else 4)
    return empty_lines + f"{stop.following['method']} ".encode("latin-1") in stop.stream


def _is_to_be_kept(stop: Stop) -> bool:
    is_old = stop.last is not None and stop.last["version"] == "HTTP/1.0"
    return is_old and "keep-alive" in stop.options


def _is_to_be_closed(stop: Stop) -> bool:
    return stop.options != "close" and "close" in re.split(r"[ \t]*,[ \t]*", stop.options)


def _is_without_one_host(stop: Stop) -> bool:
    if stop.following is None or stop.following["version"] != "HTTP/1.1":
        return False
    host = stop.following["fields"].get("HTTP_HOST", "")
    return not re.fullmatch(r"[A-Za-z0-9.-]+(:\d*)?|\[[0-9a-f:]+\](:\d*)?", host)


def _holds(pattern: bytes) -> Callable[[Stop], bool]:
    kind = re.compile(pattern, re.IGNORECASE)
    return lambda stop: kind.search(stop.stream) is not None


# Which of the two stops, and how; the reason, out of RFC 9112; how it is known to be that.
EXPLAINED: tuple[tuple[str, str, Callable[[Stop], bool]], ...] = (
    ("stock refuses", "2.2: empty lines ahead are ignored, however many", _is_after_empty_lines),
    ("stock closes", "9.3: `keep-alive` counts among other options, too", _is_to_be_kept),
    ("ours closes", "9.6: `close` ends the connection, also among other options", _is_to_be_closed),
    (
        "ours refuses",
        "3.2: a request of HTTP/1.1 has one Host, and it is one",
        _is_without_one_host,
    ),
    (
        "ours refuses",
        "6.1: no other coding than chunked is taken off here",
        _holds(rb"transfer-encoding:(?![ \t]*chunked[ \t]*\r\n)"),
    ),
    (
        "ours refuses",
        "3.2: a target has one of four forms, and no fragment",
        _holds(rb"[!-~]+ +([^ \r\n]*#[^ \r\n]*|(?!/[^/])[^ \r\n]+) +HTTP/1"),
    ),
    (
        "ours refuses",
        "6.1: HTTP/1.0 has no chunks",
        _holds(rb"HTTP/1\.0\r\n(.+\r\n)*transfer-encoding:"),
    ),
    (
        "stock refuses",
        "7.1.2: trailers are dropped unread, whatever they say",
        _holds(rb"\r\n0+[ \t]*(;[^\r\n]*)?\r\n[^\r\n]"),
    ),
)


def differs(ours: Interpretation, stock: Interpretation) -> bool:
    """Return whether the two made different things of it; with which status does not matter."""
    return ours.garbage is not None or ours.requests != stock.requests


def explain(stream: bytes, ours: Interpretation, stock: Interpretation) -> str | None:
    """Return why ours may differ from stock on this stream; None: it may not."""
    if ours.garbage is not None:
        return None
    stops = dict(_stops(stream, ours, stock))
    for how, reason, applies in EXPLAINED:
        if how in stops and applies(stops[how]):
            return f"RFC 9112 section {reason}"
    return None
