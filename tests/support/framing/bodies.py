"""Cases of what says how long a body is, and of bodies that say something else."""

from __future__ import annotations

from tests.support.framing.case import BID, ID, SMUGGLED, Case
from tests.support.framing.heads import ALIVE, BAD, END, GET, HOST, TAKEN

POST = b"POST /bid HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SIZE = b"%x\r\n" % len(BID)
LAST = b"0\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BID)
REFUSED = frozenset({400, 413})
NO_CODING = frozenset({400, 501})
MAYBE = frozenset({202, 400})
LONG = frozenset({400, 413, 431})
UNFINISHED = frozenset({400, 408})

# A request that no server may take for one: it stands in the body of another.
_SECRET_BODY = BID.replace(ID, SMUGGLED)
SECRET = POST + b"Content-Length: %d\r\n\r\n" % len(_SECRET_BODY) + _SECRET_BODY


def _length(
    name: str, value: bytes, statuses: frozenset[int], *, kept: bool | None = False
) -> Case:
    sent = POST + b"Content-Length: " + value + b"\r\n\r\n" + BID
    return Case(f"Content-Length: {name}", sent, (statuses,), kept=kept)


def _coding(
    name: str, fields: bytes, statuses: frozenset[int], *, kept: bool | None = False
) -> Case:
    sent = POST + fields + END + SIZE + BID + b"\r\n" + LAST
    return Case(f"Transfer-Encoding: {name}", sent, (statuses,), kept)


def _chunks(name: str, body: bytes, statuses: frozenset[int], *, kept: bool | None = False) -> Case:
    return Case(f"chunks: {name}", POST + CHUNKED + END + body, (statuses,), kept)


def _size(name: str, line: bytes, statuses: frozenset[int], *, kept: bool | None = False) -> Case:
    return _chunks(name, line + b"\r\n" + BID + b"\r\n" + LAST, statuses, kept=kept)


def _trailer(
    name: str, trailers: bytes, statuses: frozenset[int], *, kept: bool | None = None
) -> Case:
    body = SIZE + BID + b"\r\n0\r\n" + trailers + END
    return Case(f"trailers: {name}", POST + CHUNKED + END + body, (statuses,), kept)


_N = b"%d" % len(BID)
LENGTHS = (
    _length("as it should be", _N, TAKEN, kept=True),
    _length("zeros before it", b"000" + _N, MAYBE, kept=None),
    _length("zeros by the thousand before it", b"0" * 5_000 + _N, MAYBE, kept=None),
    _length("4,301 digits", b"9" * 4_301, REFUSED),
    _length("8,000 digits", b"9" * 8_000, REFUSED),
    _length("2^64 and the length", b"%d" % (2**64 + len(BID)), REFUSED),
    _length("2^32 and the length", b"%d" % (2**32 + len(BID)), REFUSED),
    _length("2^63", b"%d" % 2**63, REFUSED),
    _length("over the limit", b"99999999", frozenset({413})),
    _length("a plus", b"+" + _N, BAD),
    _length("a minus", b"-" + _N, BAD),
    _length("minus zero", b"-0", BAD),
    _length("hexadecimal", b"0x%x" % len(BID), BAD),
    _length("an underscore", b"4_2", BAD),
    _length("a blank in it", b"4 2", BAD),
    _length("a fraction", _N + b".0", BAD),
    _length("an exponent", b"4e1", BAD),
    _length("nothing", b"", BAD),
    _length("a word", b"many", BAD),
    _length("a digit of 8 bits", b"\xb2", BAD),
    _length("digits of another script", "\uff14\uff12".encode(), BAD),
    _length("a vertical tab before it", b"\x0b" + _N, BAD),
    _length("blanks around it", b"  " + _N + b" \t", TAKEN, kept=True),
    _length("a list of one value", _N + b", " + _N, MAYBE, kept=None),
    _length("a list of two", _N + b", 5", BAD),
    _length("a list that ends in nothing", _N + b",", BAD),
    _length("the same twice", _N + b"\r\nContent-Length: " + _N, MAYBE, kept=None),
    _length("two", b"5\r\nContent-Length: " + _N, BAD),
    _length("two, and one is none", _N + b"\r\nContent-Length: x", BAD),
    _length("chunks after it", _N + b"\r\nTransfer-Encoding: chunked", BAD),
    Case(
        "Content-Length: of a request that needs none",
        GET + b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET,
        (frozenset({200, 400}),),
        kept=None,
    ),
    Case(
        "Content-Length: of a path that takes no body",
        b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(SECRET) + SECRET,
        (frozenset({404}),),
        kept=None,
    ),
    Case(
        "Content-Length: shorter than what comes",
        POST + LENGTH + END + BID + b"x\r\n\r\n",
        (TAKEN, BAD),
        kept=False,
    ),
    Case(
        "Content-Length: zero",
        POST + b"Content-Length: 0\r\n\r\n",
        (BAD,),
        kept=True,
    ),
    Case("Content-Length: none", POST + END, (frozenset({400, 411}),), kept=True),
    Case(
        "smuggled: a length and chunks that end before a request",
        POST
        + b"Content-Length: %d\r\n" % (len(LAST) + len(SECRET))
        + CHUNKED
        + END
        + LAST
        + SECRET,
        (BAD,),
        kept=False,
    ),
    Case(
        "smuggled: chunks before a length",
        POST + CHUNKED + b"Content-Length: %d\r\n" % len(LAST) + END + LAST + SECRET,
        (BAD,),
        kept=False,
    ),
    Case(
        "smuggled: two lengths around a request",
        POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SECRET) + SECRET,
        (BAD,),
        kept=False,
    ),
    Case(
        "smuggled: chunks that only some see",
        POST
        + b"Content-Length: %d\r\nTransfer-Encoding : chunked\r\n\r\n" % len(LAST)
        + LAST
        + SECRET,
        (BAD,),
        kept=False,
    ),
)

CODINGS = (
    _coding("as it should be", CHUNKED, TAKEN, kept=True),
    _coding("in other letters", b"tRANSFER-eNCODING: ChunkeD\r\n", TAKEN, kept=True),
    _coding("blanks around it", b"Transfer-Encoding: \t chunked \t\r\n", TAKEN, kept=True),
    _coding("unknown", b"Transfer-Encoding: cow\r\n", NO_CODING),
    _coding("almost", b"Transfer-Encoding: xchunked\r\n", NO_CODING),
    _coding("in quotes", b'Transfer-Encoding: "chunked"\r\n', NO_CODING),
    _coding("with a parameter", b"Transfer-Encoding: chunked;q=1\r\n", NO_CODING),
    _coding("nothing", b"Transfer-Encoding:\r\n", NO_CODING),
    _coding("a comma before it", b"Transfer-Encoding: ,chunked\r\n", MAYBE | NO_CODING, kept=None),
    _coding("a vertical tab before it", b"Transfer-Encoding: \x0bchunked\r\n", BAD),
    _coding("a blank in it", b"Transfer-Encoding: chun ked\r\n", NO_CODING),
    _coding("identity", b"Transfer-Encoding: identity\r\n", NO_CODING),
    _coding(
        "identity, then chunked",
        b"Transfer-Encoding: identity, chunked\r\n",
        MAYBE | NO_CODING,
        kept=None,
    ),
    _coding("gzip, then chunked", b"Transfer-Encoding: gzip, chunked\r\n", NO_CODING, kept=None),
    _coding("chunked, then gzip", b"Transfer-Encoding: chunked, gzip\r\n", NO_CODING),
    _coding("chunked, then identity", b"Transfer-Encoding: chunked, identity\r\n", NO_CODING),
    _coding("gzip alone", b"Transfer-Encoding: gzip\r\n", NO_CODING),
    _coding("chunked twice", b"Transfer-Encoding: chunked, chunked\r\n", NO_CODING),
    _coding("two fields", CHUNKED * 2, NO_CODING),
    _coding("two fields, the second unknown", CHUNKED + b"Transfer-Encoding: cow\r\n", NO_CODING),
    _coding("two fields, the first unknown", b"Transfer-Encoding: cow\r\n" + CHUNKED, NO_CODING),
    _coding("with a length", CHUNKED + LENGTH, BAD),
    _coding("identity, with a length", b"Transfer-Encoding: identity\r\n" + LENGTH, NO_CODING),
    Case(
        "Transfer-Encoding: in HTTP/1.0",
        b"POST /bid HTTP/1.0\r\n" + CHUNKED + END + SIZE + BID + b"\r\n" + LAST,
        (NO_CODING,),
        kept=False,
    ),
    Case(
        "Transfer-Encoding: in HTTP/1.0, kept alive, with a length",
        b"POST /bid HTTP/1.0\r\nConnection: keep-alive\r\n"
        + CHUNKED
        + LENGTH
        + END
        + LAST
        + SECRET,
        (NO_CODING,),
        kept=False,
    ),
    Case(
        "Transfer-Encoding: of a request that needs none",
        GET + CHUNKED + END + b"%x\r\n" % len(SECRET) + SECRET + b"\r\n" + LAST,
        (frozenset({200, 400}),),
        kept=None,
    ),
)


def _in_bytes(body: bytes) -> bytes:
    """Return a chunk for each byte, and one for the id, which has to stand whole in a case."""
    before, _, after = body.partition(ID)
    pieces = [*(b"%c" % c for c in before), ID, *(b"%c" % c for c in after)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


CHUNKS = (
    _chunks("as they should be", SIZE + BID + b"\r\n" + LAST, TAKEN, kept=True),
    _chunks("one byte each", _in_bytes(BID) + LAST, TAKEN, kept=True),
    _chunks(
        "two",
        b"2\r\n" + BID[:2] + b"\r\n%x\r\n" % (len(BID) - 2) + BID[2:] + b"\r\n" + LAST,
        TAKEN,
        kept=True,
    ),
    _chunks("the last alone", LAST, BAD, kept=True),
    _chunks("the last with more zeros", SIZE + BID + b"\r\n0000\r\n\r\n", TAKEN, kept=True),
    _size("zeros before the size", b"000%x" % len(BID), TAKEN, kept=True),
    _size("sixteen digits", b"%016x" % len(BID), MAYBE, kept=None),
    _size("zeros by the thousand", b"0" * 5_000 + b"%x" % len(BID), MAYBE | LONG, kept=None),
    _size("large letters", b"%X" % len(BID), TAKEN, kept=True),
    _size("over the limit", b"ffffffff", REFUSED | UNFINISHED),
    # RFC 9112 section 7.1 wants no overflow, and there is none: such a chunk is begun, 413 once it
    # is over the limit, and 408 if it does not come. Nothing is kept for what has not come.
    _size("2^64 and the size", b"1%016x" % len(BID), REFUSED | UNFINISHED),
    _size("digits by the thousand", b"f" * 5_000, LONG | UNFINISHED),
    _size("a plus", b"+%x" % len(BID), BAD),
    _size("a minus", b"-%x" % len(BID), BAD),
    _size("0x", b"0x%x" % len(BID), BAD),
    _size("an underscore", b"2_a", BAD),
    _size("a blank before it", b" %x" % len(BID), BAD),
    _size("a blank after it", b"%x " % len(BID), BAD),
    _size("a tab after it", b"%x\t" % len(BID), BAD),
    _size("nothing", b"", BAD),
    _size("a word", b"many", BAD),
    _size("digits of another script", "\uff12".encode(), BAD),
    _size("a NUL", b"%x\0" % len(BID), BAD),
    _chunks("LF after the size", SIZE.replace(b"\r", b"") + BID + b"\r\n" + LAST, BAD),
    _chunks("CR after the size", SIZE.replace(b"\n", b"") + BID + b"\r\n" + LAST, BAD),
    _chunks("nothing after the data", SIZE + BID + LAST, BAD),
    _chunks("LF after the data", SIZE + BID + b"\n" + LAST, BAD),
    _chunks("CR after the data", SIZE + BID + b"\r" + LAST, BAD),
    _chunks("more data than the size", SIZE + BID + b"xx\r\n" + LAST, BAD),
    _chunks("less data than the size", b"%x\r\n" % (len(BID) + 2) + BID + b"\r\n" + LAST, BAD),
    _chunks("a negative one after data", SIZE + BID + b"\r\n-1\r\n\r\n", BAD),
    _chunks(
        "larger than the limit together",
        (b"8000\r\n" + b" " * 32_768 + b"\r\n") * 9 + LAST,
        frozenset({413}),
    ),
    _size("an extension", SIZE[:-2] + b";a=b", TAKEN, kept=True),
    _size("an extension without a value", SIZE[:-2] + b";a", TAKEN, kept=True),
    _size("an extension in quotes", SIZE[:-2] + b';a="b c"', TAKEN, kept=True),
    _size("extensions", SIZE[:-2] + b";a=b;c=d", TAKEN, kept=True),
    _size("an extension with a bare CR", SIZE[:-2] + b";a=\rb", BAD),
    _size("an extension with a bare LF", SIZE[:-2] + b";a=\nb", BAD),
    _size("an extension with a NUL", SIZE[:-2] + b";a=\0", BAD),
    _size("an extension with a LF before its CRLF", SIZE[:-2] + b";a\n", BAD),
    # Over 8,190 bytes it is 400 as soon as its end is awaited, which depends on the pieces.
    _size("an extension of 9,000 bytes", SIZE[:-2] + b";" + b"a" * 9_000, MAYBE, kept=None),
    _size("an extension of 70,000 bytes", SIZE[:-2] + b";" + b"a" * 70_000, LONG),
    _chunks(
        "a smuggled request behind LF in an extension",
        b"2;\n00\r\n" + b"0\r\n\r\n" + SECRET,
        BAD,
    ),
    Case(
        "chunks: no last one", POST + CHUNKED + END + SIZE + BID + b"\r\n", (UNFINISHED,), None
    ).finishing(silent=True),
    Case(
        "chunks: no end of the last",
        POST + CHUNKED + END + SIZE + BID + b"\r\n0\r\n",
        (UNFINISHED,),
        None,
    ).finishing(silent=True),
)

# RFC 9112 section 7.1.2 lets a server drop them, and they are dropped unread, but for the names
# that frame or route (RFC 9110 section 6.5.1). That one is malformed may go unnoticed: nobody is
# told of it, and no next server gets it. Where they end may not: a bare LF in them is 400, so that
# no proxy in front can have ended them before we do. A request of HTTP/1.1 in them has a Host, one
# of those names.
TRAILERS = (
    _trailer("one", b"X-One: 1\r\n", TAKEN, kept=True),
    _trailer("two", b"X-One: 1\r\nX-Two: 2\r\n", TAKEN, kept=True),
    _trailer("a length", b"Content-Length: 5\r\n", BAD, kept=False),
    _trailer("a coding", b"Transfer-Encoding: chunked\r\n", BAD, kept=False),
    _trailer("a Host", b"Host: y\r\n", BAD, kept=False),
    _trailer(
        "a traceparent",
        b"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        MAYBE,
    ),
    _trailer("no colon", b"X-One\r\n", MAYBE),
    _trailer("no name", b": 1\r\n", MAYBE),
    _trailer("a blank before the colon", b"X-One : 1\r\n", MAYBE),
    _trailer("a NUL", b"X-One: \0\r\n", MAYBE),
    _trailer("a bare LF", b"X-One: 1\nX-Two: 2\r\n", BAD, kept=False),
    _trailer("a bare CR", b"X-One: 1\r2\r\n", MAYBE),
    _trailer("folded", b"X-One: 1\r\n 2\r\n", MAYBE),
    _trailer("a request line", SECRET[: SECRET.index(b"\r\n") + 2], MAYBE),
    _trailer("a request", SECRET[: SECRET.index(b"\r\n\r\n") + 2], BAD, kept=False),
    # As an extension of as many.
    _trailer("one of 9,000 bytes", b"X-One: " + b"1" * 9_000 + b"\r\n", LONG | TAKEN),
    _trailer("without an end", b"X-One: 1\r\n" * 20_000, LONG, kept=False),
)


def _expecting(name: str, value: bytes, case: Case, most: int) -> Case:
    head, _, body = case.sent.partition(b"\r\n\r\n")
    sent = head + b"\r\nExpect: " + value + b"\r\n\r\n" + body
    return Case(f"Expect: {name}", sent, case.answers, case.kept, most_continues=most)


_BID = Case("", POST + LENGTH + END + BID, (TAKEN,), kept=True)
EXPECTATIONS = (
    _expecting("100-continue", b"100-continue", _BID, most=1),
    _expecting("in other letters", b"100-Continue", _BID, most=1),
    _expecting(
        "with chunks",
        b"100-continue",
        _chunks("", SIZE + BID + b"\r\n" + LAST, TAKEN, kept=True),
        most=1,
    ),
    _expecting(
        "of a body over the limit",
        b"100-continue",
        _length("", b"99999999", frozenset({413})),
        most=0,
    ),
    _expecting("of no body", b"100-continue", Case("", GET + END, (ALIVE,), kept=True), most=1),
    _expecting(
        "of a request that is refused",
        b"100-continue",
        Case("", b"POST /bid HTTP/1.1\r\n" + LENGTH + END, (BAD,), kept=False),
        most=0,
    ),
    _expecting(
        "something else",
        b"202-accepted",
        Case("", _BID.sent, (frozenset({417}),), kept=None),
        most=0,
    ),
    _expecting(
        "in HTTP/1.0",
        b"100-continue",
        Case("", b"POST /bid HTTP/1.0\r\n" + LENGTH + END + BID, (TAKEN,), kept=False),
        most=0,
    ),
    Case(
        "Expect: of two requests",
        (POST + LENGTH + b"Expect: 100-continue\r\n\r\n" + BID) * 2,
        (TAKEN, TAKEN),
        kept=True,
        most_continues=2,
    ),
)

CASES = (*LENGTHS, *CODINGS, *CHUNKS, *TRAILERS, *EXPECTATIONS)
