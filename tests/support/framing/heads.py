"""Cases of the request line, of fields, and of what the request is for."""

from __future__ import annotations

from tests.support.framing.case import BID, REFUSED, TAKEN, cases, closed, each, either, kept

LINE = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
END = b"\r\n"
GET = LINE + HOST
_POSTED = b"Content-Length: %d\r\n\r\n" % len(BID) + BID
_OLD = b"GET /healthz HTTP/1.0\r\n"
_NO_METHOD = either({400, 405, 501})
_NO_VERSION = closed({400, 505})

REQUEST_LINES = (
    *cases(
        "request line",
        {
            "as it should be": (kept(200), b"GET /healthz HTTP/1.1"),
            "a method in small letters": (_NO_METHOD, b"get /healthz HTTP/1.1"),
            "a method that nobody knows": (_NO_METHOD, b"BREW /healthz HTTP/1.1"),
            "a method alone": (REFUSED, b"GET"),
            **each(
                REFUSED, b"G(T", b"G\xcaT", b"", b" GET", b"\0GET", form=b"%b /healthz HTTP/1.1"
            ),
            # RFC 9112 section 3 lets a server take it for one blank; two in a row may not agree.
            "two blanks": (REFUSED, b"GET  /healthz HTTP/1.1"),
            "tabs for blanks": (REFUSED, b"GET\t/healthz\tHTTP/1.1"),
            **each(REFUSED, b" now", b"\r", form=b"GET /healthz%b HTTP/1.1"),
            "a bare LF in it": (_NO_VERSION, b"GET /healthz\n HTTP/1.1"),
            "no version": (_NO_VERSION, b"GET /healthz"),
            "a field where it should be": (_NO_VERSION, b"Host: x"),
            **each(_NO_VERSION, b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.10", form=b"GET /healthz %b"),
            **each(_NO_VERSION, b"HTTP/01.1", b"HTTP/1.", b"HTTP/1.1x", form=b"GET /healthz %b"),
            **each(_NO_VERSION, b"HTTP/1,1", b"HTTP/+1.1", b"HTTP/1.1 ", form=b"GET /healthz %b"),
            **each(_NO_VERSION, b"http/1.1", b"ICY/1.1", form=b"GET /healthz %b"),
            "digits of another script": (_NO_VERSION, "GET /healthz HTTP/\uff11.\uff11".encode()),
            "version 1.2": (either({200, 400, 505}), b"GET /healthz HTTP/1.2"),
            "without an end": (closed({414, 431}), b"GET /" + b"a" * 70_000),
        },
        behind=END + HOST + END,
    ),
    *cases(
        "request line",
        {
            "the preface of HTTP/2": (_NO_VERSION, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            "TLS": (
                REFUSED.finishing(silent=True),
                bytes.fromhex("16030100c8010000c40303") + bytes(range(128, 160)),
            ),
        },
    ),
)

FIELDS = cases(
    "field",
    {
        **each(kept(200), b"X-One: 1", b"X-One:1", b"X-One: \t 1 \t ", b"X-One:", b"X-One: 1\t2"),
        **each(kept(200), b"X-One: \xff\xfe", b"!#$%&'*+-.^`|~09azAZ: 1"),
        "a value of 8,000 bytes": (kept(200), b"X-One: " + b"1" * 8_000),
        "ninety": (kept(200), END.join(b"X-%d: 1" % n for n in range(90))),
        "two schemes": (kept(200), b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off"),
        **each(REFUSED, b": 1", b"X-One", b"X-One : 1", b"X-One\t: 1"),
        **each(REFUSED, b"X One: 1", b"X(One): 1", b"X-\xdf: 1", b"X\0One: 1"),
        **each(REFUSED, b"\0", b"\a", b"\x7f", b"\r", form=b"X-One: 1%b2"),
        "a bare CR at its end": (REFUSED, b"X-One: 1\r"),
        "a bare LF at its end": (REFUSED, b"X-One: 1\nX-Two: 2"),
        **each(REFUSED, b" 2", b"\t2", b" ", b" 2\r\n 3", form=b"X-One: 1\r\n%b"),
        **each(
            either({200, 400}), b"X_One: 1", b"Content_Length: 5", b"Transfer_Encoding: chunked"
        ),
        **each(either({200, 400}), b"SCRIPT_NAME: /healthz", b"PATH_INFO: /bid"),
        "a value of 9,000 bytes": (closed(431), b"X-One: " + b"1" * 9_000),
        "a name of 9,000 bytes": (closed(431), b"X" * 9_000 + b": 1"),
        "101 beside Host": (closed(431), END.join(b"X-%d: 1" % n for n in range(101))),
        "without an end": (closed(431), b"X-One: 1\r\n" * 20_000),
        "a value without an end": (closed(431), b"X-One: " + b"1" * 150_000),
    },
    GET,
    END + END,
)

LINE_ENDS = cases(
    "line ends",
    {
        "LF alone": (REFUSED, b"GET /healthz HTTP/1.1\nHost: x\n\n"),
        "LF after the request line": (REFUSED, GET.replace(b"\r\n", b"\n", 1) + END),
        "LF for the empty line": (REFUSED, GET + b"\n"),
        "two CR": (REFUSED, GET[:-2] + b"\r\r\n\r\n"),
        "LF and CR": (REFUSED, GET[:-2] + b"\n\r\n\r\n"),
        "a first field that is folded": (REFUSED, LINE + b" " + HOST + END),
    },
)

HOSTS = cases(
    "Host",
    {
        **each(kept(200), b"Host: x:8080\r\n", b"Host: [::1]:8080\r\n"),
        "none": (REFUSED, b""),
        **each(REFUSED, b"Host: y\r\n", b"host: x\r\n", b"X: 1\r\nHost: x\r\n", form=HOST + b"%b"),
        **each(REFUSED, b"Host: x y\r\n", b"Host: x/bid\r\n", b"Host: user@x\r\n"),
        "nothing in it": (either({200, 400}), b"Host:\r\n"),
    },
    LINE,
    END,
)

OLD = cases(
    "HTTP/1.0",
    {
        "no Host": (closed(200), _OLD + END),
        "a Host": (closed(200), _OLD + HOST + END),
        "two Hosts": (REFUSED, _OLD + HOST * 2 + END),
        "kept alive": (kept(200), _OLD + HOST + b"Connection: keep-alive\r\n\r\n"),
        "not kept alive": (closed(200), _OLD + HOST + b"Connection: not-keep-alive\r\n\r\n"),
        "a bid": (closed(202), b"POST /bid HTTP/1.0\r\n" + _POSTED),
    },
)

TARGETS = cases(
    "target",
    {
        **each(kept(200), b"?a=b&c", b"?a=/?:@!$&'()*+,;=-._~%20", form=b"/healthz%b"),
        **each(kept(200), b"/%68ealthz", b"http://x/healthz"),
        "nothing there": (kept(404), b"/nowhere"),
        "8,000 bytes": (kept(404), b"/" + b"a" * 8_000),
        "9,000 bytes": (closed(414), b"/" + b"a" * 9_000),
        **each(either({400, 404}), b"/healthz%00", b"/healthz%zz", b"/bid/../healthz", b"healthz"),
        **each(either({400, 404}), b"http://x", b"*", b"x:80"),
        "two slashes": (either({200, 308, 400, 404}), b"//healthz"),
        # Nothing is routed by the host of a target, and each of these ends where its blank is: what
        # is odd in the host (RFC 3986 section 3.2.2) changes neither the path nor the next request.
        **each(
            either({200, 400}), b"https://x", b"http://user@x", b"http://x:y", form=b"%b/healthz"
        ),
        **each(either({200, 400}), b"http://[::1/healthz", b"/healthz#top"),
        **each(REFUSED, b"\xff", b"\xc3\xa9", b"\0", b"\x7f", b"\x01", form=b"/healthz%b"),
    },
    b"GET ",
    b" HTTP/1.1\r\n" + HOST + END,
)

METHODS = cases(
    "method",
    {
        "OPTIONS *": (
            either({200, 204, 400, 404, 405}),
            b"OPTIONS *" + b" HTTP/1.1\r\n" + HOST + END,
        ),
        "CONNECT": (either({400, 404, 405, 501}), b"CONNECT x:80" + b" HTTP/1.1\r\n" + HOST + END),
        "PUT /bid": (
            either(405),
            b"PUT /bid" + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}",
        ),
        "GET /bid": (kept(405), b"GET /bid HTTP/1.1\r\n" + HOST + END),
        "POST to an absolute target": (
            TAKEN,
            b"POST http://y/bid HTTP/1.1\r\nHost: y\r\n" + _POSTED,
        ),
    },
)

CASES = (*REQUEST_LINES, *FIELDS, *LINE_ENDS, *HOSTS, *OLD, *TARGETS, *METHODS)
