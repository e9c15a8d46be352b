"""Two servers may differ on a stream for the reasons in the table, and for no other."""

from __future__ import annotations

import json

import pytest

from fuzz.verdicts import EXPLAINED, Verdict, differs, explanation, read_verdict

DATE = b"Date: Sat, 28 Nov 2026 04:00:00 GMT\r\n"


def request(*, version: str = "HTTP/1.1", body: str = "", **fields: str) -> str:
    """Return a request as a server tells it that understood it."""
    named = {f"HTTP_{name.upper()}": value for name, value in fields.items()}
    return json.dumps({"method": "GET", "version": version, "fields": named, "body": body})


PLAIN = request(host="x")
NOTHING = Verdict((), None)
REFUSED = Verdict((), 400)
CASES = {
    "empty lines": (b"\r\n\r\nGET / HTTP/1.1\r\n", Verdict((PLAIN,), None), REFUSED),
    "`keep-alive`": (
        b"",
        Verdict((request(version="HTTP/1.0", connection="x, keep-alive"), PLAIN), None),
        Verdict((request(version="HTTP/1.0", connection="x, keep-alive"),), None),
    ),
    "`close`": (
        b"",
        Verdict((request(host="x", connection="x, close"),), None),
        Verdict((request(host="x", connection="x, close"), PLAIN), None),
    ),
    "one Host": (b"", REFUSED, Verdict((request(),), None)),
    "no other coding": (b"Transfer-Encoding: gzip\r\n", REFUSED, Verdict((PLAIN,), None)),
    "no fragment": (b"GET /#top HTTP/1.1\r\n", REFUSED, Verdict((PLAIN,), None)),
    "HTTP/1.0 has no chunks": (
        b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        REFUSED,
        Verdict((request(version="HTTP/1.0"),), None),
    ),
    "trailers": (b"\r\n0\r\nx\r\n\r\n", Verdict((PLAIN,), None), REFUSED),
}


@pytest.mark.parametrize(("word", "case"), CASES.items(), ids=CASES)
def test_each_reason_explains_what_it_is_for(
    word: str, case: tuple[bytes, Verdict, Verdict]
) -> None:
    """A stream of its kind is explained; the other way round it is not."""
    stream, ours, stock = case
    assert differs(ours, stock)
    assert word in (explanation(stream, ours, stock) or "")
    assert explanation(stream, stock, ours) is None


def test_there_is_a_case_for_each_reason() -> None:
    """No reason stands in the table without having explained something here."""
    assert len(CASES) == len(EXPLAINED)


@pytest.mark.parametrize(
    ("ours", "stock"),
    [
        (Verdict((PLAIN, PLAIN), None), Verdict((PLAIN,), None)),
        (Verdict((PLAIN,), None), REFUSED),
        (Verdict((request(host="x", body="a"),), None), Verdict((PLAIN,), None)),
        (Verdict((), None, "<html>"), NOTHING),
        (REFUSED, Verdict((PLAIN,), None)),
    ],
    ids=["a request too many", "taken", "another body", "garbage", "refused"],
)
def test_all_else_is_a_fault(ours: Verdict, stock: Verdict) -> None:
    """More requests, another body or another refusal has no explanation."""
    stream = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert differs(ours, stock)
    assert explanation(stream, ours, stock) is None


def test_the_status_of_a_refusal_may_be_another() -> None:
    """That it is refused counts, and that the end comes without a word is no difference."""
    assert not differs(Verdict((PLAIN,), 431), Verdict((PLAIN,), None))


def test_a_verdict_is_what_the_answers_tell() -> None:
    """Echoes are requests, in their order; what is none is the refusal, and the last."""
    told = json.dumps({"method": "GET"}).encode()
    echo = b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Type: application/echo\r\n"
    echo += b"Content-Length: %d\r\n\r\n" % len(told) + told
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    assert read_verdict(echo + echo + refusal) == Verdict((told.decode(),) * 2, 400)
    assert read_verdict(b"HTTP/1.1 100 Continue\r\n\r\n" + echo) == Verdict((told.decode(),), None)
    assert read_verdict(refusal + echo).garbage
    assert read_verdict(b"<html>\r\n\r\n").garbage
    assert read_verdict(b"") == NOTHING
