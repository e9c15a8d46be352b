"""What a server made of a stream, and why two servers may make different things of it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fuzz.echo import ECHO
from tests.support.framing.wire import Garbage, WireAnswer, read_answers

_PATIENCE_S = 20
_STEP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass(frozen=True)
class Verdict:
    """The requests that were understood, in their order, and how the last one was refused."""

    requests: tuple[str, ...]
    refusal: int | None  # the status; None: the end, without a word
    garbage: str | None = None

    @property
    def heads(self) -> tuple[str, ...]:
        """The requests without their bodies."""
        return tuple(json.dumps({**json.loads(r), "body": ""}) for r in self.requests)


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

    def verdict(self, pieces: Iterable[bytes]) -> Verdict:
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
        return read_verdict(bytes(received))

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


def read_verdict(received: bytes) -> Verdict:
    """Return what the answers say; those to HEAD say nothing, which their echo would."""
    try:
        answers, rest = read_answers(received)
    except Garbage as error:
        return Verdict((), None, str(error))
    finals = [answer for answer in answers if not answer.is_interim]
    understood = tuple(map(_understood, filter(_is_echo, finals)))
    refused = [answer.status for answer in finals if not _is_echo(answer)]
    if rest or len(refused) > 1 or (refused and _is_echo(finals[-1])):
        return Verdict(understood, None, f"{refused} and {rest[:60]!r}")
    return Verdict(understood, refused[0] if refused else None)


def _is_echo(answer: WireAnswer) -> bool:
    return answer.status == HTTPStatus.OK and answer.fields.get("content-type") == [ECHO]


def _understood(answer: WireAnswer) -> str:
    told: dict[str, Any] = json.loads(answer.body)
    return json.dumps(told, sort_keys=True)


@dataclass(frozen=True)
class Explanation:
    """A reason for which ours may differ, and how a stream is known to be of that kind."""

    reason: str
    applies: Callable[[bytes, Verdict, Verdict], bool]


def _ours_refuses_more(ours: Verdict, stock: Verdict) -> bool:
    seen = len(ours.requests)
    return ours.refusal is not None and ours.requests == stock.requests[:seen]


def _refused_for(pattern: bytes) -> Callable[[bytes, Verdict, Verdict], bool]:
    kind = re.compile(pattern, re.IGNORECASE)

    def applies(stream: bytes, ours: Verdict, stock: Verdict) -> bool:
        return _ours_refuses_more(ours, stock) and kind.search(stream) is not None

    return applies


def _taken_with(pattern: bytes) -> Callable[[bytes, Verdict, Verdict], bool]:
    kind = re.compile(pattern, re.IGNORECASE)

    def applies(stream: bytes, ours: Verdict, stock: Verdict) -> bool:
        seen = len(stock.requests)
        takes_more = stock.refusal is not None and stock.requests == ours.requests[:seen]
        return takes_more and kind.search(stream) is not None

    return applies


def _without_one_host(_stream: bytes, ours: Verdict, stock: Verdict) -> bool:
    """Whether the first request that ours refuses has no Host, or more than one, or a bad one."""
    if not _ours_refuses_more(ours, stock) or len(stock.requests) <= len(ours.requests):
        return False
    request = json.loads(stock.requests[len(ours.requests)])
    host = request["fields"].get("HTTP_HOST")
    usual = host is not None and re.fullmatch(r"[A-Za-z0-9.-]+(:\d*)?|\[[0-9a-f:]+\](:\d*)?", host)
    return request["version"] == "HTTP/1.1" and not usual


def _closed_by_a_list(_stream: bytes, ours: Verdict, stock: Verdict) -> bool:
    """Whether ours ended with a request that has `close` beside other options."""
    seen = len(ours.requests)
    if not seen or ours.refusal is not None or ours.requests != stock.requests[:seen]:
        return False
    options = json.loads(ours.requests[-1])["fields"].get("HTTP_CONNECTION", "").lower()
    return options.strip() != "close" and "close" in re.split(r"[ \t]*,[ \t]*", options.strip())


def _after_empty_lines(stream: bytes, ours: Verdict, stock: Verdict) -> bool:
    """Whether stock refused a request for more than one empty line before it."""
    seen = len(stock.requests)
    takes_more = stock.requests == ours.requests[:seen] and len(ours.requests) > seen
    if stock.refusal is None or not takes_more:
        return False
    line = f"{json.loads(ours.requests[seen])['method']} ".encode("latin-1")
    had_body = seen and json.loads(stock.requests[-1])["body"]
    empty_lines = b"\r\n" * (2 if not seen or had_body else 4)
    return empty_lines + line in stream


def _kept_by_a_list(_stream: bytes, ours: Verdict, stock: Verdict) -> bool:
    """Whether stock ended with a request of HTTP/1.0 that has `keep-alive` beside others."""
    seen = len(stock.requests)
    if not seen or stock.refusal is not None or stock.requests != ours.requests[:seen]:
        return False
    last = json.loads(stock.requests[-1])
    options = last["fields"].get("HTTP_CONNECTION", "").lower()
    return last["version"] == "HTTP/1.0" and "keep-alive" in options


EXPLAINED = (
    Explanation(
        "RFC 9112 section 2.2: empty lines before a request are ignored, however many there are",
        _after_empty_lines,
    ),
    Explanation(
        "RFC 9112 section 9.3: `keep-alive` among other options keeps a connection of HTTP/1.0",
        _kept_by_a_list,
    ),
    Explanation(
        "RFC 9112 section 9.6: `close` ends the connection, also among other options",
        _closed_by_a_list,
    ),
    Explanation(
        "RFC 9112 section 3.2: a request of HTTP/1.1 has one Host, and it is one",
        _without_one_host,
    ),
    Explanation(
        "RFC 9112 section 6.1: no other coding than chunked is taken off here",
        _refused_for(rb"transfer-encoding:(?![ \t]*chunked[ \t]*\r\n)"),
    ),
    Explanation(
        "RFC 9112 section 3.2: a target has one of four forms, and no fragment",
        _refused_for(rb"[!-~]+ +([^ \r\n]*#[^ \r\n]*|(?!/[^/])[^ \r\n]+) +HTTP/1"),
    ),
    Explanation(
        "RFC 9112 section 6.1: HTTP/1.0 has no chunks",
        _refused_for(rb"HTTP/1\.0\r\n(.+\r\n)*transfer-encoding:"),
    ),
    Explanation(
        "RFC 9110 section 6.5.1: trailers are dropped unread, whatever they say",
        _taken_with(rb"\r\n0+[ \t]*(;[^\r\n]*)?\r\n[^\r\n]"),
    ),
)


def differs(ours: Verdict, stock: Verdict) -> bool:
    """Return whether the two made different things of it; with which status does not matter."""
    return ours.garbage is not None or ours.requests != stock.requests


def explanation(stream: bytes, ours: Verdict, stock: Verdict) -> str | None:
    """Return why ours may differ from stock on this stream; None: it may not."""
    if ours.garbage is not None:
        return None
    return next((e.reason for e in EXPLAINED if e.applies(stream, ours, stock)), None)
