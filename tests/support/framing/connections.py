"""Cases of what comes before, between, after and instead of requests."""

from __future__ import annotations

from tests.support.framing.bodies import (
    ASKING,
    DATA,
    IN_CHUNKS,
    LAST,
    LENGTH,
    POST,
    POSTED,
    SECRET,
    SIZE,
)
from tests.support.framing.case import (
    BID,
    CUT_OFF,
    REFUSED,
    TAKEN,
    cases,
    closed,
    each,
    either,
    kept,
)
from tests.support.framing.heads import END, GET, HOST, LINE

ONE = GET + END
HEAD = GET.replace(b"GET", b"HEAD")
CLOSE = b"Connection: close\r\n"

EMPTY_LINES = (
    *cases(
        "before a request",
        {
            "an empty line": (kept(200), b"\r\n"),
            "two empty lines": (either({200, 400}), b"\r\n\r\n"),
            "a thousand empty lines": (either({200, 400, 431}), b"\r\n" * 1_000),
            **each(REFUSED, b"\n", b"\r", b"\r\r\n"),
            "a blank and an empty line": (closed({400, 505}), b" \r\n"),
        },
        behind=ONE,
    ),
    *cases(
        "an empty line",
        {
            "between requests": (kept(200, 200), ONE + b"\r\n" + ONE),
            "after a body": (TAKEN, POSTED + b"\r\n"),
            "after each of two bodies": (kept(202, 202), (POSTED + b"\r\n") * 2),
        },
    ),
)

OPTIONS = (
    *cases(
        "Connection",
        {
            **each(closed(200), b"close", b"x, close", b"close, x", b",close ,"),
            **each(closed(200), b"keep-alive, close", b"keep-alive\r\nConnection: close"),
            "close in the first of two": (closed(200), b"close\r\nConnection: keep-alive"),
            **each(kept(200), b"keep-alive", b"closed", b"", b"Upgrade\r\nUpgrade: h2c"),
        },
        GET + b"Connection: ",
        END + END,
    ),
    *cases(
        "Connection",
        {
            "in large letters": (closed(200), GET + b"CONNECTION: CLOSE\r\n\r\n"),
            "close, of nothing": (closed(404), b"GET /nowhere HTTP/1.1\r\n" + CLOSE + HOST + END),
            "close, of a bid": (closed(202), POST + LENGTH + CLOSE + END + BID),
            "close, then more": (closed(202), POST + LENGTH + CLOSE + END + BID + SECRET),
        },
    ),
)

PIPELINES = cases(
    "pipeline",
    {
        "three": (kept(*[200] * 3), ONE * 3),
        "thirty": (kept(*[200] * 30), ONE * 30),
        "two bids": (kept(202, 202), POSTED * 2),
        "a bid in chunks, then a probe": (kept(202, 200), IN_CHUNKS + DATA + LAST + ONE),
        "a probe, then a bid": (kept(200, 202), ONE + POSTED),
        "a bad one in the middle": (closed(200, 400), ONE + LINE + END + ONE),
        "a bad one and a bid behind it": (REFUSED, LINE + END + SECRET),
        "a refused bid, then a bid": (
            kept(400, 202),
            POST + b"Content-Length: 2\r\n\r\n{}" + POSTED,
        ),
        "behind one that closes": (closed(200), GET + CLOSE + END + SECRET),
        "HEAD, then GET": (kept(200, 200, heads=1), HEAD + END + ONE),
        "nothing, then a probe": (kept(404, 200), b"GET /nowhere HTTP/1.1\r\n" + HOST + END + ONE),
    },
)

HEADS = cases(
    "HEAD",
    {
        "alive": (kept(200, heads=1), HEAD + END),
        "nowhere": (kept(404, heads=1), b"HEAD /nowhere HTTP/1.1\r\n" + HOST + END),
        "of what takes POST": (kept(405, heads=1), b"HEAD /bid HTTP/1.1\r\n" + HOST + END),
        "without a Host": (closed(400, heads=1), b"HEAD /healthz HTTP/1.1\r\n\r\n"),
        "with a bad field": (closed(400, heads=1), HEAD + b"X One: 1\r\n\r\n"),
        "with a large body": (
            closed(413, heads=1),
            HEAD + b"Content-Length: 99999999\r\n\r\n",
        ),
        "with many fields": (
            closed(431, heads=1),
            HEAD + b"X: 1\r\n" * 101 + END,
        ),
    },
)

EARLY = cases(
    "early end",
    {
        "nothing": (either().finishing(), b""),
        "an empty line": (either().finishing(), b"\r\n"),
        "after a whole request": (either(200).finishing(), ONE),
        "after a bid": (either(202).finishing(), POSTED),
        "after two bids": (either(202, 202).finishing(), POSTED * 2),
        "in the request line": (CUT_OFF, LINE[:12]),
        "in the fields": (CUT_OFF, GET[:-4]),
        "before the empty line": (CUT_OFF, GET),
        "in the body": (CUT_OFF, POSTED[:-1]),
        "before the body": (CUT_OFF, POST + LENGTH + END),
        "before the body that was asked for": (
            either({400, 408}, continues=1).finishing(silent=True),
            POST + LENGTH + ASKING,
        ),
        "in a chunk": (CUT_OFF, IN_CHUNKS + SIZE + BID[:-1]),
        "in a size": (CUT_OFF, IN_CHUNKS + SIZE[:1]),
        "in the trailers": (CUT_OFF, IN_CHUNKS + DATA + b"0\r\nX-One: 1\r\n"),
    },
)

CASES = (*EMPTY_LINES, *OPTIONS, *PIPELINES, *HEADS, *EARLY)
