"""A request on its way in: how much of it is there, as far as its framing says (RFC 9112)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

_MOST_HEAD = 64 * 1024
_HEAD_END = b"\r\n\r\n"
_LINE_END = b"\r\n"
_FIELD = re.compile(
    rb"\r\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE
)
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]+")
_MOST_DIGITS = 20  # of a length: more are over every limit, and over 4,300 int() refuses


class State(Enum):
    """What is to be done with the connection."""

    WAIT = auto()  # for more of the request
    SERVE = auto()  # it is whole, or so malformed that its parser refuses what is there
    HEAD_TOO_LARGE = auto()
    BODY_TOO_LARGE = auto()


class Arrival:
    """Collects the bytes of one request until it is whole.

    It knows just enough of HTTP to find a request's end. What it cannot make sense of counts as
    whole: the server's parser, which decides what is a request, then refuses it from these bytes.
    """

    def __init__(self, max_body_bytes: int) -> None:
        """Begin with nothing; a body over `max_body_bytes` as transferred is not collected."""
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._head_end = -1
        self._body_length: int | None = None  # None: chunked
        self._next_chunk = 0
        self.expects_continue = False

    def __len__(self) -> int:
        """Return how many bytes are held."""
        return len(self._buffer)

    def take(self) -> bytes:
        """Return all bytes that are held."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> State:
        """Take in what came and say what is to be done now."""
        searched = max(len(self._buffer) - len(_HEAD_END), 0)
        self._buffer += data
        while self._buffer.startswith(_LINE_END):
            del self._buffer[: len(_LINE_END)]  # RFC 9112 section 2.2: ignored before a request
        if self._head_end < 0:
            found = self._buffer.find(_HEAD_END, searched)
            if found < 0:
                return State.HEAD_TOO_LARGE if len(self) > _MOST_HEAD else State.WAIT
            self._read_head(found)
        if self._body_length is None:
            return self._chunked()
        if self._body_length > self._max_body_bytes:
            return State.BODY_TOO_LARGE
        whole = len(self) >= self._head_end + self._body_length
        return State.SERVE if whole else State.WAIT

    def _read_head(self, end: int) -> None:
        self._head_end = self._next_chunk = end + len(_HEAD_END)
        found = _FIELD.findall(self._buffer[: self._head_end])
        fields = {name.lower(): value.strip().lower() for name, value in found}
        length = fields.get(b"content-length", b"0")
        # RFC 9110 section 10.1.1: in a request of HTTP/1.0 it is ignored
        is_1_1 = self._buffer.split(_LINE_END, 1)[0].endswith(b" HTTP/1.1")
        self.expects_continue = is_1_1 and fields.get(b"expect") == b"100-continue"
        if b"transfer-encoding" in fields and b"content-length" not in fields:
            self._body_length = None
        else:
            # with both, or with no number, the parser refuses the head alone
            plain = length.isdigit() and b"transfer-encoding" not in fields
            digits = length.lstrip(b"0")[:_MOST_DIGITS] if plain else b""
            self._body_length = int(digits or b"0")

    def _chunked(self) -> State:
        while True:
            line_end = self._buffer.find(_LINE_END, self._next_chunk)
            if line_end < 0:
                unreasonable = len(self) - self._next_chunk > _MOST_HEAD
                return State.HEAD_TOO_LARGE if unreasonable else State.WAIT
            size = _CHUNK_SIZE.match(self._buffer, self._next_chunk, line_end)
            if size is None:
                return State.SERVE
            length = int(size[0], 16)
            if length == 0:
                return self._trailers(line_end)
            if line_end + length - self._head_end > self._max_body_bytes + _MOST_HEAD:
                return State.BODY_TOO_LARGE
            after = line_end + len(_LINE_END) + length
            if len(self) < after + len(_LINE_END):
                return State.WAIT
            if self._buffer[after : after + len(_LINE_END)] != _LINE_END:
                return State.SERVE
            self._next_chunk = after + len(_LINE_END)

    def _trailers(self, last_line_end: int) -> State:
        if self._buffer.find(_HEAD_END, last_line_end) >= 0:
            return State.SERVE
        return State.HEAD_TOO_LARGE if len(self) - last_line_end > _MOST_HEAD else State.WAIT


@dataclass
class Waiting:
    """A connection whose request is not whole yet, and until when (monotonic) it may take."""

    arrival: Arrival
    deadline: float
