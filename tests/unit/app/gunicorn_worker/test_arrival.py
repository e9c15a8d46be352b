"""A request on its way in: whole or not, as its framing says."""

from __future__ import annotations

import pytest

from app.gunicorn_worker.arrival import Arrival, State

HEAD = b"POST /bid HTTP/1.1\r\nHost: x\r\n"
WHOLE = {
    "no body": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "length": HEAD + b"Content-Length: 5\r\n\r\nabcde",
    "length in odd case": HEAD + b"cOnTeNt-LeNgTh:5\r\n\r\nabcde",
    "empty lines before it": b"\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nab",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
    "trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n",
    "a chunk that looks like an end": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
}
REFUSED_BY_THE_PARSER = {
    "both lengths": HEAD + b"Content-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n",
    "no number": HEAD + b"Content-Length: +5\r\n\r\n",
    "no chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk longer than said": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
}


@pytest.mark.parametrize("request_bytes", WHOLE.values(), ids=WHOLE)
def test_it_is_whole_with_its_last_byte_and_not_before(request_bytes: bytes) -> None:
    """However it is cut into pieces, only the last byte makes a request whole."""
    arrival = Arrival(1000)
    states = [arrival.feed(request_bytes[n : n + 1]) for n in range(len(request_bytes))]
    assert states == [State.WAIT] * (len(states) - 1) + [State.SERVE]
    assert Arrival(1000).feed(request_bytes) is State.SERVE


@pytest.mark.parametrize("request_bytes", REFUSED_BY_THE_PARSER.values(), ids=REFUSED_BY_THE_PARSER)
def test_what_makes_no_sense_is_not_waited_for(request_bytes: bytes) -> None:
    """The parser refuses it from what is there: it would never be whole."""
    assert Arrival(1000).feed(request_bytes) is State.SERVE


def test_what_came_is_handed_on_byte_for_byte() -> None:
    """Also what belongs to the next request on the same connection."""
    arrival = Arrival(1000)
    both = WHOLE["length"] + WHOLE["no body"]
    assert arrival.feed(both) is State.SERVE
    assert arrival.take() == both


@pytest.mark.parametrize(
    "announced",
    [b"Content-Length: 1001\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n"],
    ids=["length", "chunk"],
)
def test_a_body_over_the_limit_is_refused_when_announced(announced: bytes) -> None:
    """None of it needs to come for that."""
    assert Arrival(1000).feed(HEAD + announced) is State.BODY_TOO_LARGE


@pytest.mark.parametrize(
    "endless",
    [
        HEAD + b"X: " + b"x" * 70_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 70_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 70_000,
    ],
    ids=["headers", "chunk extension", "trailers"],
)
def test_a_head_without_an_end_is_refused(endless: bytes) -> None:
    """Headers, chunk extensions and trailers are bounded too."""
    assert Arrival(1000).feed(endless) is State.HEAD_TOO_LARGE


def test_many_small_chunks_are_bounded_by_the_body_limit() -> None:
    """A body of one-byte chunks is not collected for ever."""
    arrival = Arrival(1000)
    arrival.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    states = {arrival.feed(b"1\r\na\r\n" * 1000) for _ in range(20)}
    assert State.BODY_TOO_LARGE in states


def test_a_client_that_waits_for_leave_shows() -> None:
    """Expect: 100-continue is answered before the body, which would not come otherwise."""
    arrival = Arrival(1000)
    head = HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    assert arrival.feed(head) is State.WAIT
    assert arrival.expects_continue


@pytest.mark.parametrize("digits", [b"9" * 19, b"1" * 4301, b"9" * 8000])
def test_a_length_of_any_number_of_digits_is_a_length(digits: bytes) -> None:
    """Python converts no more than 4,300 digits: a longer number is a large body, not an error."""
    announced = HEAD + b"Content-Length: " + digits + b"\r\n\r\n"
    assert Arrival(1000).feed(announced) is State.BODY_TOO_LARGE


def test_zeros_before_a_length_count_for_nothing() -> None:
    """However many they are; the parser decides whether it likes them."""
    arrival = Arrival(1000)
    assert arrival.feed(HEAD + b"Content-Length: " + b"0" * 4301 + b"5\r\n\r\nabcd") is State.WAIT
    assert arrival.feed(b"e") is State.SERVE


@pytest.mark.parametrize("size", [b"00000000ff", b"0" * 4301 + b"fF", b"000000000000000FF"])
def test_a_chunk_size_is_read_to_its_last_digit(size: bytes) -> None:
    """However many zeros are before it, the chunk is waited for, and whole with its last byte."""
    arrival = Arrival(1000)
    begun = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"
    assert arrival.feed(begun + b"\r\n\r\n") is State.WAIT
    assert arrival.feed(b"a" * 251 + b"\r\n0\r\n") is State.WAIT
    assert arrival.feed(b"\r\n") is State.SERVE


def test_a_chunk_of_more_digits_than_fit_is_over_the_limit() -> None:
    """It is refused when announced, as any other."""
    announced = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 5000 + b"\r\n"
    assert Arrival(1000).feed(announced) is State.BODY_TOO_LARGE


def test_empty_lines_before_a_request_are_not_held() -> None:
    """What is counted is what is kept."""
    arrival = Arrival(1000)
    assert arrival.feed(b"\r\n" * 5000) is State.WAIT
    assert (len(arrival), arrival.take()) == (0, b"")


def test_http_1_0_knows_no_100_continue() -> None:
    """RFC 9110 section 10.1.1: the expectation is ignored."""
    arrival = Arrival(1000)
    head = b"POST /bid HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    assert arrival.feed(head) is State.WAIT
    assert not arrival.expects_continue
