"""Requests out of the bytes of a connection: framed, limited and refused by gunicorn's own parser.

The parser of gunicorn's ASGI worker takes bytes as they come, and decides what a request is and
where it ends (RFC 9112). What it leaves to a server is here: limits of the whole head and of the
body, `Host`, `Expect`, the target, empty lines ahead. gunicorn does not promise that it stays as
it is: pyproject.toml bounds the version, and tests hold it to its interface.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gunicorn.asgi.parser import (
    LimitRequestHeaders,
    LimitRequestLine,
    PythonProtocol,
    UnsupportedTransferCoding,
)

from app.problems import (
    ExpectationFailed,
    HeadTooLarge,
    MalformedRequest,
    TooLarge,
    UnsupportedCoding,
    UriTooLong,
)

_MOST_HEAD = 64 * 1024
_MOST_LINE = 8190
_MOST_FIELDS = 100
_EMPTY_LINE = b"\r\n"
_HEAD = b"HEAD "
# Visible characters of ASCII; a path that begins with two slashes passes for a host with some.
_TARGET = re.compile(
    rb"/(?!/)[!-\"$-~]*|https?://[!-\"$-.0-~]+(/[!-\"$-~]*)?|\*|[\w.:\[\]-]+",
    re.ASCII | re.IGNORECASE,
)
_HOST = re.compile(rb"([\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(:\d*)?", re.ASCII)


@dataclass(slots=True)
class Request:
    """One request; names and values of its fields are as they came."""

    method: bytes
    target: bytes
    version: tuple[int, int]
    fields: list[tuple[bytes, bytes]]
    keep_alive: bool
    body: bytes | bytearray = b""

    @property
    def path(self) -> bytes:
        """The target's path as it came; an absolute one's (RFC 9112 section 3.2.2) without host."""
        path = self.target.partition(b"?")[0]
        if path.startswith(b"/"):
            return path
        _, scheme, rest = path.partition(b"://")
        return b"/" + rest.partition(b"/")[2] if scheme else path

    @property
    def query(self) -> bytes:
        """The query component of the target (RFC 9112 section 3.2)."""
        return self.target.partition(b"?")[2]


class RequestParser:
    """Takes in a connection's bytes, one request at a time.

    Once `complete`, `request` is whole; `start_next` begins with the next one and returns what has
    come of it already, for the caller to feed when it is that one's turn.
    """

    def __init__(self, max_body_bytes: int) -> None:
        """Begin with nothing; a body over `max_body_bytes` is refused."""
        self._max_body_bytes = max_body_bytes
        self.begun = self.complete = self.expects_continue = False
        self.request: Request | None = None
        self._first = b""  # bytes: they tell what is asked for before the head is there
        self._came = 0  # bytes, of this request and behind it
        self._has_head = False
        self._line_end = b""  # half of one, ahead of a request
        self._body: bytes | bytearray = b""
        self._protocol = self._new_protocol()

    def feed(self, data: bytes) -> None:
        """Take in what came; raise a Problem for what is no request, or over a limit."""
        if not self.begun:
            data = self._without_empty_lines(data)
            self.begun = bool(data)
        self._came += len(data)
        if len(self._first) < len(_HEAD):
            self._first += data[: len(_HEAD)]
        self._frame(data)
        if self.request is None and self._has_head:
            self._take_head()
        self._check_limits()
        if self.complete and self.request is not None:
            self.request.body = self._body

    def _check_limits(self) -> None:
        """Bound what comes besides the body as well: a chunk of one byte has five more, and costs.

        All that is behind a request is looked at when it is that one's turn.
        """
        if len(self._body) > self._max_body_bytes:
            raise self._too_large()
        besides = self._came - len(self._body)
        if besides <= _MOST_HEAD or besides - len(self._protocol.remaining()) <= _MOST_HEAD:
            return
        if self.request is None:
            raise HeadTooLarge(_HEAD_LIMITS)
        raise TooLarge(f"Head and chunks must have at most {_MOST_HEAD} bytes besides the body.")

    def _frame(self, data: bytes) -> None:
        """Let the parser have the bytes: what it calls back takes notes and does nothing else."""
        try:
            self._protocol.feed(data)
        except LimitRequestLine as error:
            raise UriTooLong(f"The request line must have at most {_MOST_LINE} bytes.") from error
        except LimitRequestHeaders as error:
            raise HeadTooLarge(_HEAD_LIMITS) from error
        except UnsupportedTransferCoding as error:
            raise UnsupportedCoding("Transfer-Encoding must be chunked, or absent.") from error
        except Exception as error:  # what comes out of a parser is about what went in
            raise MalformedRequest(f"This is no request of HTTP/1.1: {_reason(error)}.") from error

    @property
    def is_head(self) -> bool:
        """Whether an answer has no body, as far as is known."""
        return self._first.startswith(_HEAD)

    @property
    def held(self) -> int:
        """Bytes that are kept, and those of its chunks' framing."""
        return self._came + len(self._line_end)

    def start_next(self) -> bytes:
        """Forget the request; return what came behind it."""
        behind: bytes = self._protocol.remaining()
        self._protocol.reset()
        self._begin()
        return behind

    def end(self) -> None:
        """Forget everything, for good: until then this and gunicorn's parser hold each other."""
        self._begin()
        self._protocol = PythonProtocol()

    def _begin(self) -> None:
        self.begun = self.complete = self.expects_continue = self._has_head = False
        self.request = None
        self._came = 0
        self._line_end = self._body = self._first = b""

    def _new_protocol(self) -> PythonProtocol:
        return PythonProtocol(
            on_headers_complete=self._on_head,
            on_body=self._on_body,
            on_message_complete=self._on_end,
            limit_request_line=_MOST_LINE,
            limit_request_fields=_MOST_FIELDS,
            limit_request_field_size=_MOST_LINE,
        )

    def _without_empty_lines(self, data: bytes) -> bytes:
        """Drop what a robust server ignores ahead of a request (RFC 9112 section 2.2)."""
        data = self._line_end + data
        request = data.lstrip(_EMPTY_LINE)
        lines, odd = divmod(len(data) - len(request), len(_EMPTY_LINE))
        if data[: 2 * lines] != _EMPTY_LINE * lines:
            self._line_end = b""
            return data
        self._line_end = b"\r" if odd and data.endswith(b"\r") and not request else b""
        return data[2 * lines + len(self._line_end) :]

    def _take_head(self) -> None:
        protocol = self._protocol
        self.request = request = Request(
            protocol.method,
            protocol.path,
            protocol.http_version,
            protocol.headers,
            _keeps_alive(protocol.headers, protocol.http_version),
        )
        if self._came > _MOST_HEAD < sum(len(name) + len(value) for name, value in request.fields):
            raise HeadTooLarge(_HEAD_LIMITS)
        if _TARGET.fullmatch(request.target) is None:
            raise MalformedRequest("The request target is malformed (RFC 9112 section 3.2).")
        fields = dict(request.fields)  # in lower case; of those below Expect alone may come twice
        is_1_1 = request.version == (1, 1)
        if _HOST.fullmatch(fields.get(b"host", b"/" if is_1_1 else b"")) is None:
            raise MalformedRequest("Host is missing or malformed (RFC 9112 section 3.2).")
        if fields.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise UnsupportedCoding("Transfer-Encoding must be chunked, or absent.")
        if is_1_1 and b"expect" in fields:
            if {*_values(request.fields, b"expect")} != {b"100-continue"}:
                raise ExpectationFailed("Expect must be 100-continue, or absent.")
            self.expects_continue = True
        if (protocol.content_length or 0) > self._max_body_bytes:
            raise self._too_large()

    def _on_head(self) -> None:
        self._has_head = True

    def _on_body(self, piece: bytes) -> None:
        if not self._body:
            self._body = piece
            return
        if isinstance(self._body, bytes):
            self._body = bytearray(self._body)
        self._body += piece

    def _on_end(self) -> None:
        self.complete = True

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body must hold at most {self._max_body_bytes} bytes.")


_HEAD_LIMITS = (
    f"The head must have at most {_MOST_HEAD} bytes, in at most {_MOST_FIELDS} fields of at most "
    f"{_MOST_LINE} bytes, line end included."
)


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Return the elements of all fields of that name, in lower case (RFC 9110 section 5.3)."""
    said = b",".join([value for each, value in fields if each == name])
    return [element.strip() for element in said.lower().split(b",")]


def _keeps_alive(fields: list[tuple[bytes, bytes]], version: tuple[int, int]) -> bool:
    """Say what all fields `Connection` together ask for: the parser takes `closed` for `close`."""
    options = _values(fields, b"connection")
    return b"close" not in options and (version == (1, 1) or b"keep-alive" in options)


def _reason(error: Exception) -> str:
    """Return what an error says by its name: its text may hold what the client sent."""
    return {
        "InvalidRequestLine": "its first line is malformed",
        "InvalidRequestMethod": "the method is malformed",
        "InvalidHTTPVersion": "the version is another one",
        "InvalidHeaderName": "a field's name is malformed",
        "InvalidHeader": "a field is malformed, doubled or contradicts another",
        "InvalidChunkExtension": "a chunk's extension is malformed",
    }.get(type(error).__name__, "its framing is malformed")
