"""Cases of what comes before, between, after and instead of requests."""

from __future__ import annotations

from tests.support.framing.bodies import (
    CHUNKED,
    LAST,
    LENGTH,
    POST,
    SECRET,
    SIZE,
    UNFINISHED,
)
from tests.support.framing.case import BID, Case
from tests.support.framing.heads import ALIVE, BAD, END, GET, HOST, LINE, TAKEN

ONE = GET + END
HEAD = b"HEAD /healthz HTTP/1.1\r\n" + HOST
LOST = frozenset({404})


def _before(name: str, before: bytes, *statuses: int, kept: bool | None) -> Case:
    return Case(f"before a request: {name}", before + ONE, (frozenset(statuses),), kept)


def _option(name: str, fields: bytes, *, kept: bool | None) -> Case:
    return Case(f"Connection: {name}", GET + fields + END, (ALIVE,), kept)


def _head(name: str, sent: bytes, *statuses: int, kept: bool | None) -> Case:
    return Case(f"HEAD: {name}", sent, (frozenset(statuses),), kept, heads=1)


def _early(
    name: str, sent: bytes, statuses: frozenset[int] = UNFINISHED, continues: int = 0
) -> Case:
    case = Case(f"early end: {name}", sent, (statuses,), None, most_continues=continues)
    return case.finishing(silent=True)


BEFORE = (
    _before("an empty line", b"\r\n", 200, kept=True),
    _before("two empty lines", b"\r\n\r\n", 200, 400, kept=None),
    _before("a thousand empty lines", b"\r\n" * 1_000, 200, 400, 431, kept=None),
    _before("a bare LF", b"\n", 400, kept=False),
    _before("a bare CR", b"\r", 400, kept=False),
    _before("two CR and a LF", b"\r\r\n", 400, kept=False),
    _before("a blank and an empty line", b" \r\n", 400, 505, kept=False),
    Case("between requests: an empty line", ONE + b"\r\n" + ONE, (ALIVE, ALIVE), kept=True),
    Case("after a body: an empty line", POST + LENGTH + END + BID + b"\r\n", (TAKEN,), kept=True),
    Case(
        "after each of two bodies: an empty line",
        (POST + LENGTH + END + BID + b"\r\n") * 2,
        (TAKEN, TAKEN),
        kept=True,
    ),
)

OPTIONS = (
    _option("close", b"Connection: close\r\n", kept=False),
    _option("in large letters", b"CONNECTION: CLOSE\r\n", kept=False),
    _option("close, last in a list", b"Connection: x, close\r\n", kept=False),
    _option("close, first in a list", b"Connection: close, x\r\n", kept=False),
    _option("close between commas", b"Connection: ,close ,\r\n", kept=False),
    _option("close and keep-alive", b"Connection: keep-alive, close\r\n", kept=False),
    _option(
        "close in the second of two", b"Connection: keep-alive\r\nConnection: close\r\n", kept=False
    ),
    _option(
        "close in the first of two", b"Connection: close\r\nConnection: keep-alive\r\n", kept=False
    ),
    _option("keep-alive", b"Connection: keep-alive\r\n", kept=True),
    _option("a longer word", b"Connection: closed\r\n", kept=True),
    _option("nothing", b"Connection:\r\n", kept=True),
    _option("an upgrade that nobody offers", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", kept=True),
    Case(
        "Connection: close, of a path that is not there",
        b"GET /nowhere HTTP/1.1\r\nConnection: close\r\n" + HOST + END,
        (LOST,),
        kept=False,
    ),
    Case(
        "Connection: close, of a bid",
        POST + LENGTH + b"Connection: close\r\n\r\n" + BID,
        (TAKEN,),
        kept=False,
    ),
    Case(
        "Connection: close, and more behind it",
        POST + LENGTH + b"Connection: close\r\n\r\n" + BID + SECRET,
        (TAKEN,),
        kept=False,
    ),
)

PIPELINES = (
    Case("pipeline: three", ONE * 3, (ALIVE,) * 3, kept=True),
    Case("pipeline: thirty", ONE * 30, (ALIVE,) * 30, kept=True),
    Case("pipeline: two bids", (POST + LENGTH + END + BID) * 2, (TAKEN, TAKEN), kept=True),
    Case(
        "pipeline: a bid in chunks, then a probe",
        POST + CHUNKED + END + SIZE + BID + b"\r\n" + LAST + ONE,
        (TAKEN, ALIVE),
        kept=True,
    ),
    Case(
        "pipeline: a probe, then a bid", ONE + POST + LENGTH + END + BID, (ALIVE, TAKEN), kept=True
    ),
    Case("pipeline: a bad one in the middle", ONE + LINE + END + ONE, (ALIVE, BAD), kept=False),
    Case("pipeline: a bad one and a bid behind it", LINE + END + SECRET, (BAD,), kept=False),
    Case(
        "pipeline: a refused bid, then one that is taken",
        POST + b"Content-Length: 2\r\n\r\n{}" + POST + LENGTH + END + BID,
        (BAD, TAKEN),
        kept=True,
    ),
    Case(
        "pipeline: behind one that closes",
        GET + b"Connection: close\r\n\r\n" + SECRET,
        (ALIVE,),
        kept=False,
    ),
    Case("pipeline: HEAD, then GET", HEAD + END + ONE, (ALIVE, ALIVE), kept=True, heads=1),
    Case(
        "pipeline: a path that is not there, then a probe",
        b"GET /nowhere HTTP/1.1\r\n" + HOST + END + ONE,
        (LOST, ALIVE),
        kept=True,
    ),
)

HEADS = (
    _head("alive", HEAD + END, 200, kept=True),
    _head("nowhere", b"HEAD /nowhere HTTP/1.1\r\n" + HOST + END, 404, kept=True),
    _head("of what takes POST", b"HEAD /bid HTTP/1.1\r\n" + HOST + END, 405, kept=True),
    _head("without a Host", b"HEAD /healthz HTTP/1.1\r\n" + END, 400, kept=False),
    _head("with a field that is none", HEAD + b"X One: 1\r\n" + END, 400, kept=False),
    _head(
        "with a body over the limit", HEAD + b"Content-Length: 99999999\r\n\r\n", 413, kept=False
    ),
    _head("with too many fields", HEAD + b"X: 1\r\n" * 101 + END, 431, kept=False),
)

EARLY = (
    Case("early end: nothing", b"", (), None).finishing(),
    Case("early end: an empty line", b"\r\n", (), None).finishing(),
    Case("early end: after a whole request", ONE, (ALIVE,), None).finishing(),
    Case("early end: after a bid", POST + LENGTH + END + BID, (TAKEN,), None).finishing(),
    Case(
        "early end: after two bids", (POST + LENGTH + END + BID) * 2, (TAKEN, TAKEN), None
    ).finishing(),
    _early("in the request line", LINE[:12]),
    _early("in the fields", GET[:-4]),
    _early("before the empty line", GET),
    _early("in the body", POST + LENGTH + END + BID[:-1]),
    _early("before the body", POST + LENGTH + END),
    _early(
        "before the body that was asked for",
        POST + LENGTH + b"Expect: 100-continue\r\n\r\n",
        continues=1,
    ),
    _early("in a chunk", POST + CHUNKED + END + SIZE + BID[:-1]),
    _early("in a size", POST + CHUNKED + END + SIZE[:1]),
    _early("in the trailers", POST + CHUNKED + END + SIZE + BID + b"\r\n0\r\nX-One: 1\r\n"),
)

CASES = (*BEFORE, *OPTIONS, *PIPELINES, *HEADS, *EARLY)
