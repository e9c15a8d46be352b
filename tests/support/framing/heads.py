"""Cases of the request line, of fields, and of what the request is for."""

from __future__ import annotations

from tests.support.framing.case import BID, Case

BAD = frozenset({400})
BAD_VERSION = frozenset({400, 505})
ALIVE = frozenset({200})
ALIVE_OR_BAD = frozenset({200, 400})
LOST = frozenset({400, 404})
TAKEN = frozenset({202})
NOT_A_METHOD = frozenset({400, 405, 501})

LINE = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
END = b"\r\n"
GET = LINE + HOST
TLS = bytes.fromhex("16030100c8010000c40303") + bytes(range(128, 160))


def _line(name: str, line: bytes, *statuses: int, kept: bool | None = None) -> Case:
    sent = line + b"\r\n" + HOST + END
    return Case(f"request line: {name}", sent, (frozenset(statuses),), kept)


def _field(name: str, field: bytes, *statuses: int, kept: bool | None = False) -> Case:
    return Case(f"field: {name}", GET + field + b"\r\n\r\n", (frozenset(statuses),), kept)


def _host(name: str, fields: bytes, *statuses: int, kept: bool | None = False) -> Case:
    return Case(f"Host: {name}", LINE + fields + END, (frozenset(statuses),), kept)


def _old(name: str, fields: bytes, *, kept: bool | None = False) -> Case:
    return Case(f"HTTP/1.0: {name}", b"GET /healthz HTTP/1.0\r\n" + fields + END, (ALIVE,), kept)


def _target(name: str, target: bytes, *statuses: int, kept: bool | None = None) -> Case:
    sent = b"GET " + target + b" HTTP/1.1\r\n" + HOST + END
    return Case(f"target: {name}", sent, (frozenset(statuses),), kept)


REQUEST_LINES = (
    _line("as it should be", b"GET /healthz HTTP/1.1", 200, kept=True),
    _line("a method in small letters", b"get /healthz HTTP/1.1", *NOT_A_METHOD),
    _line("a method that nobody knows", b"BREW /healthz HTTP/1.1", *NOT_A_METHOD),
    _line("a method that is no token", b"G(T /healthz HTTP/1.1", 400, kept=False),
    _line("a method with 8 bits", b"G\xcaT /healthz HTTP/1.1", 400, kept=False),
    _line("no method", b" /healthz HTTP/1.1", 400, kept=False),
    _line("a blank before the method", b" GET /healthz HTTP/1.1", 400, kept=False),
    _line("a NUL before the method", b"\0GET /healthz HTTP/1.1", 400, kept=False),
    # RFC 9112 section 3 lets a server take it for one blank; two servers in a row may not agree.
    _line("two blanks", b"GET  /healthz HTTP/1.1", 400, kept=False),
    _line("tabs for blanks", b"GET\t/healthz\tHTTP/1.1", 400, kept=False),
    _line("four words", b"GET /healthz now HTTP/1.1", 400, kept=False),
    _line("a blank at the end", b"GET /healthz HTTP/1.1 ", 400, 505, kept=False),
    _line("no version", b"GET /healthz", 400, 505, kept=False),
    _line("a method alone", b"GET", 400, kept=False),
    _line("a field where it should be", b"Host: x", 400, 505, kept=False),
    _line("a bare CR in it", b"GET /healthz\r HTTP/1.1", 400, kept=False),
    _line("a bare LF in it", b"GET /healthz\n HTTP/1.1", 400, 505, kept=False),
    _line("version 0.9", b"GET /healthz HTTP/0.9", *BAD_VERSION, kept=False),
    _line("version 1.2", b"GET /healthz HTTP/1.2", 200, *BAD_VERSION),
    _line("version 2.0", b"GET /healthz HTTP/2.0", *BAD_VERSION, kept=False),
    _line("version 1.10", b"GET /healthz HTTP/1.10", *BAD_VERSION, kept=False),
    _line("version 01.1", b"GET /healthz HTTP/01.1", *BAD_VERSION, kept=False),
    _line("version 1.", b"GET /healthz HTTP/1.", *BAD_VERSION, kept=False),
    _line("version 1.1x", b"GET /healthz HTTP/1.1x", *BAD_VERSION, kept=False),
    _line("version 1,1", b"GET /healthz HTTP/1,1", *BAD_VERSION, kept=False),
    _line("version +1.1", b"GET /healthz HTTP/+1.1", *BAD_VERSION, kept=False),
    _line("a version in small letters", b"GET /healthz http/1.1", *BAD_VERSION, kept=False),
    _line("another protocol", b"GET /healthz ICY/1.1", *BAD_VERSION, kept=False),
    _line(
        "digits of another script",
        "GET /healthz HTTP/\uff11.\uff11".encode(),
        *BAD_VERSION,
        kept=False,
    ),
    _line("without an end", b"GET /" + b"a" * 70_000, 414, 431, kept=False),
    Case(
        "request line: the preface of HTTP/2",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        (BAD_VERSION,),
        kept=False,
    ),
    Case("request line: TLS", TLS, (BAD,), kept=False).finishing(silent=True),
)

FIELDS = (
    _field("as it should be", b"X-One: 1", 200, kept=True),
    _field("no blank after the colon", b"X-One:1", 200, kept=True),
    _field("blanks and tabs around the value", b"X-One: \t 1 \t ", 200, kept=True),
    _field("no value", b"X-One:", 200, kept=True),
    _field("a tab in the value", b"X-One: 1\t2", 200, kept=True),
    _field("8 bits in the value", b"X-One: \xff\xfe", 200, kept=True),
    _field("every character that a name may have", b"!#$%&'*+-.^`|~09azAZ: 1", 200, kept=True),
    _field("no name", b": 1", 400),
    _field("no colon", b"X-One", 400),
    _field("a blank before the colon", b"X-One : 1", 400),
    _field("a tab before the colon", b"X-One\t: 1", 400),
    _field("a blank in the name", b"X One: 1", 400),
    _field("brackets in the name", b"X(One): 1", 400),
    _field("8 bits in the name", b"X-\xdf: 1", 400),
    _field("a NUL in the name", b"X\0One: 1", 400),
    _field("a NUL in the value", b"X-One: 1\x002", 400),
    _field("a BEL in the value", b"X-One: 1\x072", 400),
    _field("a DEL in the value", b"X-One: 1\x7f2", 400),
    _field("a bare CR in the value", b"X-One: 1\r2", 400),
    _field("a bare CR at its end", b"X-One: 1\r", 400),
    _field("a bare LF at its end", b"X-One: 1\nX-Two: 2", 400),
    _field("folded with a blank", b"X-One: 1\r\n 2", 400),
    _field("folded with a tab", b"X-One: 1\r\n\t2", 400),
    _field("folded into nothing", b"X-One: 1\r\n ", 400),
    _field("folded twice", b"X-One: 1\r\n 2\r\n 3", 400),
    Case("field: folded before the first", LINE + b" " + HOST + END, (BAD,), kept=False),
    _field("an underscore in the name", b"X_One: 1", 200, 400, kept=None),
    _field("an underscore in Content_Length", b"Content_Length: 5", 200, 400, kept=None),
    _field(
        "an underscore in Transfer_Encoding", b"Transfer_Encoding: chunked", 200, 400, kept=None
    ),
    _field("a value of 8,000 bytes", b"X-One: " + b"1" * 8_000, 200, kept=True),
    _field("a value of 9,000 bytes", b"X-One: " + b"1" * 9_000, 431),
    _field("a name of 9,000 bytes", b"X" * 9_000 + b": 1", 431),
    _field("ninety", b"\r\n".join(b"X-%d: 1" % n for n in range(90)), 200, kept=True),
    _field("a hundred and one beside Host", b"\r\n".join(b"X-%d: 1" % n for n in range(101)), 431),
    _field("without an end", b"X-One: 1\r\n" * 20_000, 431),
    _field("a value without an end", b"X-One: " + b"1" * 150_000, 431),
    _field("a SCRIPT_NAME that no proxy sent", b"SCRIPT_NAME: /healthz", 200, 400, kept=None),
    _field("a Path_Info that no proxy sent", b"PATH_INFO: /bid", 200, 400, kept=None),
    _field(
        "contradictions about the scheme",
        b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off",
        200,
        kept=True,
    ),
    Case("line ends: LF alone", b"GET /healthz HTTP/1.1\nHost: x\n\n", (BAD,), kept=False),
    Case(
        "line ends: LF after the request line",
        GET.replace(b"\r\n", b"\n", 1) + END,
        (BAD,),
        kept=False,
    ),
    Case("line ends: LF for the empty line", GET + b"\n", (BAD,), kept=False),
    Case("line ends: two CR", GET[:-2] + b"\r\r\n\r\n", (BAD,), kept=False),
    Case("line ends: LF and CR", GET[:-2] + b"\n\r\n\r\n", (BAD,), kept=False),
)

HOSTS = (
    _host("none", b"", 400),
    _host("two", HOST + b"Host: y\r\n", 400),
    _host("the same twice", HOST + b"host: x\r\n", 400),
    _host("two, and others between", HOST + b"X: 1\r\n" + HOST, 400),
    _host("a blank in it", b"Host: x y\r\n", 400),
    _host("a path in it", b"Host: x/bid\r\n", 400),
    _host("a user in it", b"Host: user@x\r\n", 400),
    _host("nothing in it", b"Host:\r\n", 200, 400, kept=None),
    _host("a port", b"Host: x:8080\r\n", 200, kept=True),
    _host("an address of IPv6", b"Host: [::1]:8080\r\n", 200, kept=True),
    _old("no Host", b""),
    _old("a Host", HOST),
    _old("kept alive", HOST + b"Connection: keep-alive\r\n", kept=True),
    _old("kept alive by a longer word", HOST + b"Connection: not-keep-alive\r\n"),
    Case("HTTP/1.0: two Hosts", b"GET /healthz HTTP/1.0\r\n" + HOST * 2 + END, (BAD,), kept=False),
    Case(
        "HTTP/1.0: a bid",
        b"POST /bid HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(BID) + BID,
        (TAKEN,),
        kept=False,
    ),
)

TARGETS = (
    _target("a query", b"/healthz?a=b&c", 200, kept=True),
    _target("a query with everything", b"/healthz?a=/?:@!$&'()*+,;=-._~%20", 200, kept=True),
    _target("nothing there", b"/nowhere", 404, kept=True),
    _target("escaped letters", b"/%68ealthz", 200, kept=True),
    _target("an escaped NUL", b"/healthz%00", *LOST),
    _target("an escape that is none", b"/healthz%zz", *LOST),
    _target("dots", b"/bid/../healthz", *LOST),
    _target("two slashes", b"//healthz", 200, 308, *LOST),
    _target("absolute", b"http://x/healthz", 200, kept=True),
    _target("absolute, with another scheme", b"https://x/healthz", 200, 400),
    _target("absolute, with a user", b"http://user@x/healthz", 200, 400),
    _target("absolute, without a path", b"http://x", *LOST),
    _target("absolute, with a port that is none", b"http://x:y/healthz", 200, 400),
    # Nothing is routed by the host of a target, and each of these ends where its blank is: what
    # is odd in the host (RFC 3986 section 3.2.2) changes neither the path nor the next request.
    _target("absolute, with a bracket too few", b"http://[::1/healthz", 200, 400),
    _target("an asterisk without OPTIONS", b"*", *LOST),
    _target("an authority without CONNECT", b"x:80", *LOST),
    _target("a relative path", b"healthz", *LOST),
    _target("8 bits", b"/healthz\xff", 400, kept=False),
    _target("UTF-8", "/healthzé".encode(), 400, kept=False),
    _target("a NUL", b"/healthz\0", 400, kept=False),
    _target("a DEL", b"/healthz\x7f", 400, kept=False),
    _target("a control character", b"/health\x01z", 400, kept=False),
    _target("a fragment", b"/healthz#top", 200, 400),
    _target("8,000 bytes", b"/" + b"a" * 8_000, 404, kept=True),
    _target("9,000 bytes", b"/" + b"a" * 9_000, 414, kept=False),
    Case(
        "target: OPTIONS *",
        b"OPTIONS * HTTP/1.1\r\n" + HOST + END,
        (frozenset({200, 204, 400, 404, 405}),),
        kept=None,
    ),
    Case(
        "target: CONNECT",
        b"CONNECT x:80 HTTP/1.1\r\n" + HOST + END,
        (frozenset({400, 404, 405, 501}),),
        kept=None,
    ),
    Case(
        "target: a bid for an absolute one",
        b"POST http://y/bid HTTP/1.1\r\nHost: y\r\nContent-Length: %d\r\n\r\n" % len(BID) + BID,
        (TAKEN,),
        kept=True,
    ),
    Case(
        "method: PUT /bid",
        b"PUT /bid HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        (frozenset({405}),),
        kept=None,
    ),
    Case(
        "method: GET /bid", b"GET /bid HTTP/1.1\r\nHost: x\r\n\r\n", (frozenset({405}),), kept=True
    ),
)

CASES = (*REQUEST_LINES, *FIELDS, *HOSTS, *TARGETS)
