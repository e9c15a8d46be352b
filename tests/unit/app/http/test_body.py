"""The body: JSON by its type, gzip by its encoding, and never more than the limit."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import EnvironBuilder

from app.http.body import inflate, read_body
from app.problems import MalformedBody, Problem, RequestTimeout, TooLarge, UnsupportedMedia

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

LIMIT = 1000


def request(body: bytes, **headers: str) -> WSGIEnvironment:
    """Build the environ of a POST with headers given as Content_Type="..."."""
    names = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return EnvironBuilder(method="POST", data=body, headers=names).get_environ()


class TestContentType:
    """Which types are read as JSON (OpenRTB 2.6 section 2.2)."""

    @pytest.mark.parametrize(
        "given",
        ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"],
    )
    def test_json_in_utf8_is_read(self, given: str) -> None:
        """The type may be written in any case and may name its charset."""
        assert read_body(request(b"{}", Content_Type=given), LIMIT) == b"{}"

    def test_no_type_is_taken_for_json(self) -> None:
        """A partner that sends no content type is understood."""
        assert read_body(request(b"{}"), LIMIT) == b"{}"

    @pytest.mark.parametrize(
        "given",
        ["text/plain", "", "application/xml", "application/json; charset=utf-16", "json"],
    )
    def test_other_types_are_refused(self, given: str) -> None:
        """Anything that is not JSON in UTF-8 is 415."""
        with pytest.raises(UnsupportedMedia, match="Content-Type"):
            read_body(request(b"{}", Content_Type=given), LIMIT)


class TestEncoding:
    """Which encodings are undone (OpenRTB 2.6 section 2.4)."""

    @pytest.mark.parametrize(
        "given", ["gzip", "GZIP", " gzip ", "x-gzip", "X-Gzip", "identity, gzip", ", gzip,"]
    )
    def test_gzip_is_inflated(self, given: str) -> None:
        """The record holds the inflated bytes; x-gzip is gzip (RFC 9110 section 8.4.1.3)."""
        compressed = gzip.compress(b'{"id":"1"}')
        assert read_body(request(compressed, Content_Encoding=given), LIMIT) == b'{"id":"1"}'

    @pytest.mark.parametrize("given", ["identity", "Identity", "identity, identity", "", ","])
    def test_identity_is_left_alone(self, given: str) -> None:
        """`identity` says that nothing was done, as often as it is said."""
        assert read_body(request(b"{}", Content_Encoding=given), LIMIT) == b"{}"

    @pytest.mark.parametrize("given", ["br", "deflate", "gzip, gzip", "x-gzip, br", "x"])
    def test_other_encodings_are_refused(self, given: str) -> None:
        """An encoding that is not agreed on, or one more, is 415, whatever the body is."""
        with pytest.raises(UnsupportedMedia, match="Content-Encoding") as raised:
            read_body(request(b"{}", Content_Encoding=given), LIMIT)
        # RFC 9110 section 15.5.16
        assert raised.value.headers()["Accept-Encoding"] == "gzip"


class Failing:
    """A stream that raises when it is read, as a server's does whose client goes away."""

    def __init__(self, error: Exception) -> None:
        """Take what it raises."""
        self._error = error

    def read(self, _size: int) -> bytes:
        """Raise."""
        raise self._error


class TestStream:
    """What the server's stream does when the body does not come."""

    @pytest.mark.parametrize("framing", [{"CONTENT_LENGTH": "3"}, {"wsgi.input_terminated": True}])
    @pytest.mark.parametrize(
        ("error", "refusal"),
        [
            (TimeoutError(), RequestTimeout),
            (ConnectionResetError(), MalformedBody),
            (ValueError("no chunk size"), MalformedBody),
            (Exception("a server's own"), MalformedBody),
        ],
    )
    def test_whatever_it_raises_is_a_refusal(
        self, framing: dict[str, object], error: Exception, refusal: type[Problem]
    ) -> None:
        """The body did not come, in time or at all; no server's own errors are known here."""
        with pytest.raises(refusal):
            read_body({"wsgi.input": Failing(error), **framing}, LIMIT)

    @pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False)])
    def test_a_body_without_a_length_ends_where_the_server_says(
        self, size: int, *, fits: bool
    ) -> None:
        """A chunked one is read up to the limit and no further."""
        environ = {"wsgi.input": io.BytesIO(bytes(size)), "wsgi.input_terminated": True}
        with nullcontext() if fits else pytest.raises(TooLarge):
            assert read_body(environ, LIMIT) == bytes(size)

    def test_an_early_end_is_refused(self) -> None:
        """A body that is shorter than its length is none."""
        environ = request(b"{}") | {"CONTENT_LENGTH": "3"}
        with pytest.raises(MalformedBody, match="Content-Length"):
            read_body(environ, LIMIT)


class TestLimit:
    """How much is read."""

    def test_the_limit_itself_fits(self) -> None:
        """A body of exactly the limit is taken, plain and as gzip."""
        body = b"x" * LIMIT
        assert read_body(request(body), LIMIT) == body
        assert inflate(gzip.compress(body), LIMIT) == body

    def test_one_byte_more_does_not(self) -> None:
        """One byte over the limit is 413, plain and as gzip."""
        body = b"x" * (LIMIT + 1)
        with pytest.raises(TooLarge, match="1000 bytes"):
            read_body(request(body), LIMIT)
        with pytest.raises(TooLarge, match="1000 bytes"):
            inflate(gzip.compress(body), LIMIT)

    def test_a_bomb_is_refused_without_being_inflated(self) -> None:
        """A small stream that claims 100 MB costs no more memory than the limit."""
        bomb = gzip.compress(bytes(100_000_000))
        tracemalloc.start()
        with pytest.raises(TooLarge):
            inflate(bomb, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200_000


class TestGzip:
    """What counts as a gzip stream (RFC 1952)."""

    def test_members_are_joined(self) -> None:
        """Several members one after the other are one body."""
        assert inflate(gzip.compress(b"ab") + gzip.compress(b"cd"), LIMIT) == b"abcd"

    @pytest.mark.parametrize("each", [b"", b"x", bytes(range(256)) * 40])
    def test_as_many_members_as_fit_are_joined(self, each: bytes) -> None:
        """Empty ones count for nothing; where one ends in the stream makes no difference."""
        stream = gzip.compress(each, mtime=0) * 1_000 + gzip.compress(b"end", mtime=0)
        assert inflate(stream, len(each) * 1_000 + 3) == each * 1_000 + b"end"

    def test_an_empty_member_is_empty(self) -> None:
        """A stream that holds nothing gives nothing."""
        assert inflate(gzip.compress(b""), LIMIT) == b""

    @pytest.mark.parametrize(
        "stream",
        [
            b"",
            b"not gzip",
            zlib.compress(b"zlib, not gzip"),
            gzip.compress(b"abc")[:-1],
            gzip.compress(b"abc")[:-9] + bytes(8),
            gzip.compress(b"abc") + b"trailing",
        ],
        ids=["empty", "text", "zlib", "cut", "wrong checksum", "trailing bytes"],
    )
    def test_a_broken_stream_is_refused(self, stream: bytes) -> None:
        """A stream that is cut, corrupt or something else is 400."""
        with pytest.raises(MalformedBody):
            inflate(stream, LIMIT)
