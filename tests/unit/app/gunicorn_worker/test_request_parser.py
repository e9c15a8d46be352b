"""What is around a body is bounded too: its head, and the framing of its chunks."""

from __future__ import annotations

import pytest

from app.gunicorn_worker.request_parser import RequestParser
from app.problems import HeadTooLarge, TooLarge

pytestmark = pytest.mark.promise("bounded")

MAX_BODY = 256 * 1024
HEAD = b"POST /bid HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
AT_ONCE = 64 * 1024


def feed(raw: bytes, size: int) -> RequestParser:
    """Return a parser that has been fed pieces of that size."""
    parser = RequestParser(MAX_BODY)
    for start in range(0, len(raw), size):
        parser.feed(raw[start : start + size])
    return parser


def chunks(size: int, number: int) -> bytes:
    """Return a request whose body comes in that many chunks."""
    return CHUNKED + b"%x\r\n%b\r\n" % (size, b"x" * size) * number + b"0\r\n\r\n"


@pytest.mark.parametrize("piece", [1448, AT_ONCE])
def test_chunks_may_be_small(piece: int) -> None:
    """The largest body in chunks of 32 bytes, and one in 13,000 chunks of a byte, are taken."""
    for size, number in ((32, MAX_BODY // 32), (1, 13_000)):
        parser = feed(chunks(size, number), piece)
        assert parser.complete
        assert parser.request is not None
        assert parser.request.body == b"x" * size * number


@pytest.mark.parametrize("piece", [1448, AT_ONCE])
def test_chunks_must_not_cost_much_more_than_their_body(piece: int) -> None:
    """A chunk of one byte takes a microsecond and more: 54,000 of them are not gone through."""
    with pytest.raises(TooLarge, match="besides the body"):
        feed(chunks(1, 54_000), piece)


def test_extensions_and_trailers_count_as_well() -> None:
    """Nothing that comes with a body, and is thrown away, comes without end."""
    extended = b"1;a=%b\r\nx\r\n" % (b"b" * 1000)
    with pytest.raises(TooLarge, match="besides the body"):
        feed(CHUNKED + extended * 70, 1448)


@pytest.mark.parametrize("piece", [1, 1448, AT_ONCE])
def test_the_limit_of_a_head_is_that_of_its_fields(piece: int) -> None:
    """More than 64 KiB are refused, however they come, also with the body behind them."""
    field = b"A: %b\r\n" % (b"a" * 8000)
    with pytest.raises(HeadTooLarge):
        feed(HEAD + field * 9 + b"Content-Length: 2\r\n\r\n{}", piece)
    parser = feed(HEAD + field * 8 + b"Content-Length: 2\r\n\r\n{}", piece)
    assert parser.complete


def test_what_comes_behind_a_request_is_not_its_own() -> None:
    """The next request's bytes are counted as held, refused for nothing, and given back."""
    behind = b"x" * (AT_ONCE + 1)
    parser = feed(HEAD + b"Content-Length: 2\r\n\r\n{}" + behind, 2 * len(behind))
    assert parser.complete
    assert parser.held > len(behind)
    assert parser.start_next() == behind
    assert parser.held == 0
