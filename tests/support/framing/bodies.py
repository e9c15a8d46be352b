"""Cases of what says how long a body is, and of bodies that say something else."""

from __future__ import annotations

from tests.support.framing.case import (
    BID,
    CUT_OFF,
    ID,
    REFUSED,
    SMUGGLED,
    TAKEN,
    cases,
    closed,
    each,
    either,
    kept,
)
from tests.support.framing.heads import END, GET, HOST

POST = b"POST /bid HTTP/1.1\r\n" + HOST
LENGTH = b"Content-Length: %d\r\n" % len(BID)
POSTED = POST + LENGTH + END + BID
CHUNKED = b"Transfer-Encoding: chunked\r\n"
IN_CHUNKS = POST + CHUNKED + END
SIZE = b"%x\r\n" % len(BID)
DATA = SIZE + BID + END
LAST = b"0\r\n\r\n"
_LONG = closed({400, 413})
_UNSUPPORTED = closed({400, 501})

# A request that no server may take for one: it stands in the body of another.
SECRET = POSTED.replace(ID, SMUGGLED)
_SECRET_LENGTH = b"Content-Length: %d\r\n\r\n" % len(SECRET)
_LAST_LENGTH = b"Content-Length: %d\r\n" % len(LAST)

LENGTHS = (
    *cases(
        "Content-Length",
        {
            **each(TAKEN, b"58", b"  58 \t"),
            **each(either({202, 400}), b"00058", b"58, 58", b"58\r\nContent-Length: 58"),
            "zeros by the thousand before it": (either({202, 400}), b"0" * 5_000 + b"58"),
            "4,301 digits": (_LONG, b"9" * 4_301),
            "8,000 digits": (_LONG, b"9" * 8_000),
            **each(_LONG, b"%d" % (2**64 + 58), b"%d" % (2**32 + 58), b"%d" % 2**63),
            "over the limit": (closed(413), b"99999999"),
            **each(REFUSED, b"+58", b"-58", b"-0", b"0x3a", b"5_8", b"5 8", b"58.0", b"5e1", b""),
            **each(REFUSED, b"many", b"\xb2", "\uff15\uff18".encode(), b"\x0b58", b"58, 5", b"58,"),
            **each(REFUSED, b"5\r\nContent-Length: 58", b"58\r\nContent-Length: x"),
            "chunks after it": (REFUSED, b"58\r\nTransfer-Encoding: chunked"),
        },
        POST + b"Content-Length: ",
        END + END + BID,
    ),
    *cases(
        "Content-Length",
        {
            "of a request that needs none": (either({200, 400}), GET + _SECRET_LENGTH + SECRET),
            "of a path that takes no body": (
                either(404),
                b"POST /nowhere HTTP/1.1\r\n" + HOST + _SECRET_LENGTH + SECRET,
            ),
            "shorter than what comes": (closed(202, 400), POSTED + b"x\r\n\r\n"),
            "zero": (kept(400), POST + b"Content-Length: 0\r\n\r\n"),
            "none": (kept({400, 411}), POST + END),
        },
    ),
    *cases(
        "smuggled",
        {
            "a length and chunks that end before a request": (
                REFUSED,
                b"Content-Length: %d\r\n" % len(LAST + SECRET) + CHUNKED + END + LAST,
            ),
            "chunks before a length": (REFUSED, CHUNKED + _LAST_LENGTH + END + LAST),
            "two lengths around a request": (REFUSED, b"Content-Length: 0\r\n" + _SECRET_LENGTH),
            "chunks that only some see": (
                REFUSED,
                _LAST_LENGTH + b"Transfer-Encoding : chunked\r\n\r\n" + LAST,
            ),
        },
        POST,
        SECRET,
    ),
)

CODINGS = (
    *cases(
        "Transfer-Encoding",
        {
            "as it should be": (TAKEN, b" chunked"),
            "blanks around it": (TAKEN, b" \t chunked \t"),
            **each(_UNSUPPORTED, b" cow", b" xchunked", b' "chunked"', b" chunked;q=1", b""),
            **each(_UNSUPPORTED, b" chun ked", b" identity", b" gzip", b" chunked, gzip"),
            **each(_UNSUPPORTED, b" chunked, identity", b" chunked, chunked"),
            **each(_UNSUPPORTED, b"chunked", b"cow", form=b" chunked\r\nTransfer-Encoding: %b"),
            "two fields, the first unknown": (_UNSUPPORTED, b" cow\r\nTransfer-Encoding: chunked"),
            "identity, with a length": (_UNSUPPORTED, b" identity\r\n" + LENGTH[:-2]),
            "gzip, then chunked": (either({400, 501}), b" gzip, chunked"),
            **each(either({202, 400, 501}), b" ,chunked", b" identity, chunked"),
            "a vertical tab before it": (REFUSED, b" \x0bchunked"),
            "with a length": (REFUSED, b" chunked\r\n" + LENGTH[:-2]),
        },
        POST + b"Transfer-Encoding:",
        END + END + DATA + LAST,
    ),
    *cases(
        "Transfer-Encoding",
        {
            "in HTTP/1.0": (_UNSUPPORTED, CHUNKED + END + DATA + LAST),
            "in HTTP/1.0, kept alive, with a length": (
                _UNSUPPORTED,
                b"Connection: keep-alive\r\n" + CHUNKED + LENGTH + END + LAST + SECRET,
            ),
        },
        b"POST /bid HTTP/1.0\r\n",
    ),
    *cases(
        "Transfer-Encoding",
        {
            "in other letters": (TAKEN, POST + b"tRANSFER-eNCODING: ChunkeD\r\n\r\n" + DATA + LAST),
            "of a request that needs none": (
                either({200, 400}),
                GET + CHUNKED + END + b"%x\r\n" % len(SECRET) + SECRET + END + LAST,
            ),
        },
    ),
)


def _in_bytes(body: bytes) -> bytes:
    """Return a chunk for each byte, and one for the id, which has to stand whole in a case."""
    before, _, after = body.partition(ID)
    pieces = [*(b"%c" % c for c in before), ID, *(b"%c" % c for c in after)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


SIZES = cases(
    "size of a chunk",
    {
        **each(TAKEN, b"0003a", b"3A", b"3a;a=b", b"3a;a", b'3a;a="b c"', b"3a;a=b;c=d"),
        "sixteen digits": (either({202, 400}), b"%016x" % len(BID)),
        "zeros by the thousand": (
            either({202, 400, 413, 431}),
            b"0" * 5_000 + b"3a",
        ),
        # RFC 9112 section 7.1 wants no overflow, and there is none: such a chunk is begun, 413 once
        # it is over the limit, and 408 if it does not come. Nothing is kept for what has not come.
        **each(closed({400, 408, 413}), b"ffffffff", b"1%016x" % len(BID)),
        "digits by the thousand": (closed({400, 408, 413, 431}), b"f" * 5_000),
        **each(REFUSED, b"+3a", b"-3a", b"0x3a", b"3_a", b" 3a", b"3a ", b"3a\t", b"", b"many"),
        **each(REFUSED, "\uff12".encode(), b"3a\0"),
        **each(REFUSED, b"3a;a=\rb", b"3a;a=\nb", b"3a;a=\0", b"3a;a\n"),
        # Over 8,190 bytes it is 400 as soon as its end is awaited, which depends on the pieces.
        "an extension of 9,000 bytes": (either({202, 400}), b"3a;" + b"a" * 9_000),
        "70,000 bytes": (closed({400, 413, 431}), b"3a;" + b"a" * 70_000),
    },
    IN_CHUNKS,
    END + BID + END + LAST,
)

CHUNKS = cases(
    "chunks",
    {
        "one byte each": (TAKEN, _in_bytes(BID) + LAST),
        "two": (TAKEN, b'2\r\n{"\r\n%x\r\n' % (len(BID) - 2) + BID[2:] + END + LAST),
        "the last with more zeros": (TAKEN, DATA + b"0000\r\n\r\n"),
        "the last alone": (kept(400), LAST),
        "too large": (closed(413), (b"8000\r\n" + b" " * 32_768 + END) * 9 + LAST),
        **each(REFUSED, b"\n", b"\r", form=b"3a%b" + BID + END + LAST),
        **each(REFUSED, b"", b"\n", b"\r", b"xx\r\n", form=SIZE + BID + b"%b" + LAST),
        "less data than the size": (REFUSED, b"3c\r\n" + BID + END + LAST),
        "a negative one after data": (REFUSED, DATA + b"-1\r\n\r\n"),
        "a smuggled request behind LF in an extension": (REFUSED, b"2;\n00\r\n" + LAST + SECRET),
        "no last one": (CUT_OFF, DATA),
        "no end of the last": (CUT_OFF, DATA + b"0\r\n"),
    },
    IN_CHUNKS,
)

# RFC 9112 section 7.1.2 lets a server drop them, and they are dropped unread, but for the names
# that frame or route (RFC 9110 section 6.5.1). That one is malformed may go unnoticed: nobody is
# told of it, and no next server gets it. Where they end may not: a bare LF in them is 400, so that
# no proxy in front can have ended them before we do. A request of HTTP/1.1 in them has a Host, one
# of those names.
TRAILERS = cases(
    "trailers",
    {
        **each(TAKEN, b"X-One: 1\r\n", b"X-One: 1\r\nX-Two: 2\r\n"),
        **each(REFUSED, b"Content-Length: 5\r\n", CHUNKED, b"Host: y\r\n"),
        "a bare LF": (REFUSED, b"X-One: 1\nX-Two: 2\r\n"),
        "a request": (REFUSED, SECRET[: SECRET.index(b"\r\n\r\n") + 2]),
        "a request line": (either({202, 400}), SECRET[: SECRET.index(b"\r\n") + 2]),
        "a traceparent": (
            either({202, 400}),
            b"Traceparent: 00-%b-%b-01\r\n" % (b"a" * 32, b"b" * 16),
        ),
        **each(either({202, 400}), b"X-One\r\n", b": 1\r\n", b"X-One : 1\r\n", b"X-One: \0\r\n"),
        **each(either({202, 400}), b"X-One: 1\r2\r\n", b"X-One: 1\r\n 2\r\n"),
        # As an extension of as many.
        "one of 9,000 bytes": (
            either({202, 400, 413, 431}),
            b"X-One: " + b"1" * 9_000 + END,
        ),
        "without an end": (closed({400, 413, 431}), b"X-One: 1\r\n" * 20_000),
    },
    IN_CHUNKS + DATA + b"0\r\n",
    END,
)

ASKING = b"Expect: 100-continue\r\n\r\n"
_ASKED = POST + LENGTH + ASKING + BID
EXPECTATIONS = cases(
    "Expect",
    {
        "100-continue": (kept(202, continues=1), _ASKED),
        "in other letters": (kept(202, continues=1), _ASKED.replace(b"100-c", b"100-C")),
        "with chunks": (kept(202, continues=1), POST + CHUNKED + ASKING + DATA + LAST),
        "of two requests": (kept(202, 202, continues=2), _ASKED * 2),
        "of no body": (kept(200, continues=1), GET + ASKING),
        "of a large body": (closed(413), _ASKED.replace(b"58", b"99999999")),
        "of a refused request": (REFUSED, b"POST /bid HTTP/1.1\r\n" + LENGTH + ASKING),
        "something else": (either(417), _ASKED.replace(b"100-continue", b"202-accepted")),
        "in HTTP/1.0": (closed(202), b"POST /bid HTTP/1.0\r\n" + LENGTH + ASKING + BID),
    },
)

CASES = (*LENGTHS, *CODINGS, *SIZES, *CHUNKS, *TRAILERS, *EXPECTATIONS)
