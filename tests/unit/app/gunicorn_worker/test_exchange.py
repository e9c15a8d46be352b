"""PEP 3333 between one request and its answer."""

# ruff: noqa: ANN401  of any member of a request

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from app.gunicorn_worker.request_parser import Request
from app.gunicorn_worker.response import HttpDate, MalformedResponseError, render_head
from app.gunicorn_worker.wsgi import Exchange, base_environ, build_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = [pytest.mark.promise("client-isolation"), pytest.mark.promise("explicit")]

DATE = HttpDate(lambda: 784_111_777.0)
DATE_LINE = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def request(**changes: Any) -> Request:
    """Return a request that is an ordinary one but for the changes."""
    ordinary: dict[str, Any] = {
        "method": b"GET",
        "target": b"/",
        "version": (1, 1),
        "fields": [(b"Host", b"x")],
        "keep_alive": True,
    }
    return Request(**{**ordinary, **changes})


def answer(
    status: str, fields: list[tuple[str, str]], parts: Iterable[bytes], **changes: Any
) -> tuple[bytes, Exchange]:
    """Return what an application's answer looks like on the wire."""
    sent = bytearray()
    exchange = Exchange(request(**changes), sent.extend, DATE, may_keep_alive=True)

    def application(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, fields)
        return parts

    exchange.run(application, {})
    return bytes(sent), exchange


class TestEnviron:
    """What the application is told."""

    def environ(self, **changes: Any) -> WSGIEnvironment:
        """Return the environment of a request."""
        base = base_environ(("10.0.0.1", 8080), multiprocess=True)
        return build_environ(request(**changes), base, ("10.0.0.2", 1234))

    @pytest.mark.parametrize(
        ("target", "path", "query"),
        [
            (b"/bid", "/bid", ""),
            (b"/a%20b?c=%20d?e", "/a b", "c=%20d?e"),
            (b"/%E2%82%AC", "/\xe2\x82\xac", ""),
            (b"http://x:80/bid?q", "/bid", "q"),
            (b"http://x", "/", ""),
            (b"*", "*", ""),
        ],
    )
    def test_the_target(self, target: bytes, path: str, query: str) -> None:
        """Path and query, whatever form the target has (RFC 9112 section 3.2)."""
        environ = self.environ(target=target)
        assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path, query)

    def test_fields(self) -> None:
        """Names become keys, repeated ones one value; none passes for another."""
        fields = [
            (b"Content-Type", b"application/json"),
            (b"X-One", b"1"),
            (b"x-one", b"2"),
            (b"X_One", b"3"),
            (b"Content-Length", b"9"),
            (b"Transfer-Encoding", b"chunked"),
        ]
        environ = self.environ(fields=fields, body=b"abc")
        assert environ["CONTENT_TYPE"] == "application/json"
        assert environ["HTTP_X_ONE"] == "1,2"
        assert environ["CONTENT_LENGTH"] == "3"
        assert environ["wsgi.input"].read() == b"abc"
        assert not {"HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"} & environ.keys()

    def test_no_client_says_who_or_where_it_is(self) -> None:
        """Addresses are the sockets' own, and no field sets scheme or script name."""
        fields = [
            (b"Script-Name", b"/x"),
            (b"SCRIPT_NAME", b"/x"),
            (b"X-Forwarded-For", b"1.2.3.4"),
            (b"X-Forwarded-Proto", b"https"),
        ]
        environ = self.environ(fields=fields)
        assert (environ["SCRIPT_NAME"], environ["wsgi.url_scheme"]) == ("", "http")
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("10.0.0.2", "1234")
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("10.0.0.1", "8080")

    def test_names_that_nobody_uses_are_not_kept(self) -> None:
        """A client cannot fill the memory with names of fields."""
        for number in range(5_000):
            environ = self.environ(fields=[(b"X-%d" % number, b"y")])
            assert environ[f"HTTP_X_{number}"] == "y"
        from app.gunicorn_worker import wsgi  # noqa: PLC0415  to look into it

        assert len(wsgi._keys) < 600  # noqa: SLF001  the promise is about it


class TestAnswer:
    """What the client gets."""

    def test_a_length_that_is_known(self) -> None:
        """One head with Date, and the body, in one piece."""
        wire, exchange = answer("200 OK", [("X", "y")], [b"ab", b"c"])
        assert wire == (
            b"HTTP/1.1 200 OK\r\nX: y\r\n" + DATE_LINE + b"Content-Length: 3\r\n\r\nabc"
        )
        assert exchange.keep_alive

    def test_a_length_that_nobody_knows(self) -> None:
        """Chunks for HTTP/1.1, the connection's end for HTTP/1.0."""
        wire, exchange = answer("200 OK", [], iter([b"ab", b"", b"c"]))
        assert wire.endswith(b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        assert exchange.keep_alive
        wire, exchange = answer("200 OK", [], iter([b"ab", b"c"]), version=(1, 0))
        assert wire.endswith(b"Connection: close\r\n\r\nabc")
        assert not exchange.keep_alive

    @pytest.mark.parametrize(("body", "sent"), [([b"abcd"], b"abc"), ([b"ab"], b"ab")])
    def test_a_length_that_is_not_true(self, body: list[bytes], sent: bytes) -> None:
        """Never more than was announced; with less, the connection ends."""
        wire, exchange = answer("200 OK", [("Content-Length", "3")], body)
        assert wire.endswith(b"\r\n\r\n" + sent)
        assert exchange.keep_alive == (len(sent) == 3)

    @pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
    def test_an_answer_without_a_body(self, status: str) -> None:
        """Neither a body nor a length of it, whatever the application says."""
        wire, _ = answer(status, [("Content-Length", "3")], [b"abc"])
        assert wire.endswith(DATE_LINE + b"\r\n")
        assert b"Content-Length" not in wire

    def test_head(self) -> None:
        """The same fields as for GET, no body."""
        wire, exchange = answer("200 OK", [("Content-Length", "3")], [b"abc"], method=b"HEAD")
        assert wire.endswith(b"Content-Length: 3\r\n" + DATE_LINE + b"\r\n")
        assert exchange.keep_alive

    def test_a_kept_alive_client_of_http_1_0(self) -> None:
        """It is told so."""
        wire, _ = answer("200 OK", [], [b"abc"], version=(1, 0))
        assert b"\r\nConnection: keep-alive\r\n" in wire

    def test_fields_that_are_the_server_s(self) -> None:
        """The application cannot frame the answer; that it wants to close is heard."""
        fields = [("Transfer-Encoding", "chunked"), ("Connection", "close"), ("Upgrade", "x")]
        wire, exchange = answer("200 OK", fields, [b"abc"])
        assert wire.count(b"Connection") == 1
        assert b"Transfer-Encoding" not in wire
        assert b"Upgrade" not in wire
        assert not exchange.keep_alive

    def test_parts_are_closed(self) -> None:
        """Also when one of them fails."""
        closed = list[bool]()

        class Parts:
            def __iter__(self) -> Iterator[bytes]:
                yield b"a"
                raise KeyError

            def close(self) -> None:
                closed.append(True)

        with pytest.raises(KeyError):
            answer("200 OK", [], Parts())
        assert closed == [True]

    def test_the_body_is_let_go_of(self) -> None:
        """An application that keeps what it was told, as Flask does for a while, has no body."""
        kept: list[WSGIEnvironment] = []

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            kept.append(environ)
            start_response("200 OK", [])
            return [environ["wsgi.input"].read()]

        sent = bytearray()
        body = request(body=b"abc")
        exchange = Exchange(body, sent.extend, DATE, may_keep_alive=True)
        exchange.run(application, build_environ(body, {}, ("10.0.0.2", 1234)))
        assert sent.endswith(b"abc")
        assert "wsgi.input" not in kept[0]

    def test_start_response_may_be_called_again_with_an_error(self) -> None:
        """As long as nothing is sent; without an error, or later, it may not."""
        sent = bytearray()
        exchange = Exchange(request(), sent.extend, DATE, may_keep_alive=True)
        error = KeyError("odd")
        exchange.start("200 OK", [])
        with pytest.raises(AssertionError):
            exchange.start("200 OK", [])
        exchange.start("500 Oh", [], (KeyError, error, None))  # type: ignore[arg-type]
        exchange.write(b"x")
        assert sent.startswith(b"HTTP/1.1 500 Oh\r\n")
        with pytest.raises(KeyError):
            exchange.start("500 Oh", [], (KeyError, error, None))  # type: ignore[arg-type]

    def test_an_application_that_does_not_start(self) -> None:
        """It has not answered."""
        exchange = Exchange(request(), bytearray().extend, DATE, may_keep_alive=True)
        with pytest.raises(AssertionError):
            exchange.run(lambda _environ, _start: [b"x"], {})


class TestHead:
    """Status line and fields as bytes."""

    @pytest.mark.parametrize("odd", ["\r\n", "\n", "\r", "\0", "a\r\nSet-Cookie: b"])
    @pytest.mark.parametrize("where", ["status", "name", "value"])
    def test_no_field_becomes_two(self, odd: str, where: str) -> None:
        """An end of line in any part is an error of the application."""
        status = f"200 O{odd}K" if where == "status" else "200 OK"
        field = (f"X{odd}" if where == "name" else "X", f"y{odd}" if where == "value" else "y")
        with pytest.raises(MalformedResponseError):
            render_head(status, [field], "", DATE)

    def test_the_date_is_made_once_a_second(self) -> None:
        """And is right in each."""
        times = iter([0.0, 0.9, 1.0])
        date = HttpDate(lambda: next(times))
        assert [date.field()[-10:-2] for _ in range(3)] == ["0:00 GMT"] * 2 + ["0:01 GMT"]
