"""Two servers may differ on a stream for the reasons in the table, and for no other."""

from __future__ import annotations

import json

import pytest

from fuzz.interpretations import EXPLAINED, Interpretation, differs, explain, read_echoes

pytestmark = pytest.mark.promise("honest")


def told(*, version: str = "HTTP/1.1", body: str = "", **fields: str) -> str:
    """Return a request as a server tells it that understood it."""
    named = {f"HTTP_{name.upper()}": value for name, value in fields.items()}
    return json.dumps({"method": "GET", "version": version, "fields": named, "body": body})


def of(*requests: str, refusal: int | None = None) -> Interpretation:
    """Return what a server made of a stream."""
    return Interpretation(requests, refusal)


GET = told(host="x")
OLD = told(version="HTTP/1.0")
KEPT = told(version="HTTP/1.0", connection="x, keep-alive")
CLOSED = told(host="x", connection="x, close")
NOTHING, REFUSED = of(), of(refusal=400)
OLD_CHUNKS = b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
CASES = {
    "empty lines": (b"\r\n\r\nGET / HTTP/1.1\r\n", of(GET), REFUSED),
    "`keep-alive`": (b"", of(KEPT, GET), of(KEPT)),
    "`close`": (b"", of(CLOSED), of(CLOSED, GET)),
    "one Host": (b"", REFUSED, of(told())),
    "no other coding": (b"Transfer-Encoding: gzip\r\n", REFUSED, of(GET)),
    "no fragment": (b"GET /#top HTTP/1.1\r\n", REFUSED, of(GET)),
    "HTTP/1.0 has no chunks": (OLD_CHUNKS, REFUSED, of(OLD)),
    "trailers": (b"\r\n0\r\nx\r\n\r\n", of(GET), REFUSED),
}


@pytest.mark.parametrize("word", CASES)
def test_each_reason_explains_what_it_is_for(word: str) -> None:
    """A stream of its kind is explained; the other way round it is not."""
    stream, ours, stock = CASES[word]
    assert len(CASES) == len(EXPLAINED)
    assert differs(ours, stock)
    assert word in (explain(stream, ours, stock) or "")
    assert explain(stream, stock, ours) is None


@pytest.mark.parametrize(
    ("ours", "stock"),
    [
        pytest.param(of(GET, GET), of(GET), id="a request too many"),
        pytest.param(of(GET), REFUSED, id="taken"),
        pytest.param(of(told(host="x", body="a")), of(GET), id="another body"),
        pytest.param(Interpretation((), None, "<html>"), NOTHING, id="garbage"),
        pytest.param(REFUSED, of(GET), id="refused"),
    ],
)
def test_all_else_is_a_fault(ours: Interpretation, stock: Interpretation) -> None:
    """More requests, another body or another refusal has no explanation."""
    assert differs(ours, stock)
    assert explain(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ours, stock) is None


def test_the_status_of_a_refusal_may_be_another() -> None:
    """That it is refused counts, and that the end comes without a word is no difference."""
    assert not differs(of(GET, refusal=431), of(GET))


def test_an_interpretation_is_what_the_answers_tell() -> None:
    """Echoes are requests, in their order; what is none is the refusal, and the last."""
    echo = b"HTTP/1.1 200 OK\r\nContent-Type: application/echo\r\nContent-Length: 17\r\n\r\n"
    echo += b'{"method": "GET"}'
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    understood = '{"method": "GET"}'
    assert read_echoes(echo + echo + refusal) == of(understood, understood, refusal=400)
    assert read_echoes(b"HTTP/1.1 100 Continue\r\n\r\n" + echo) == of(understood)
    assert read_echoes(refusal + echo).garbage
    assert read_echoes(b"<html>\r\n\r\n").garbage
    assert read_echoes(b"") == NOTHING
