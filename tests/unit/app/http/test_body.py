"""The body: JSON by its type, gzip by its encoding, and never more than the limit."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib
from collections.abc import Callable
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


@pytest.mark.promise("same-bytes")
class TestContentType:
    """Which types are read as JSON (OpenRTB 2.6 section 2.2)."""

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"Content_Type": "application/json"},
            {"Content_Type": "application/json; charset=utf-8"},
            {"Content_Type": "APPLICATION/JSON;charset=UTF-8"},
        ],
    )
    def test_json_in_utf8_is_read(self, given: dict[str, str]) -> None:
        """The type may be missing, may be written in any case and may name its charset."""
        assert read_body(request(b"{}", **given), LIMIT) == b"{}"

    @pytest.mark.parametrize(
        "given",
        ["text/plain", "", "application/xml", "application/json; charset=utf-16", "json"],
    )
    def test_other_types_are_refused(self, given: str) -> None:
        """Anything that is not JSON in UTF-8 is 415."""
        with pytest.raises(UnsupportedMedia, match="Content-Type"):
            read_body(request(b"{}", Content_Type=given), LIMIT)


@pytest.mark.promise("same-bytes")
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


class Failing(io.RawIOBase):
    """A stream that raises when it is read, as a server's does whose client goes away."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, _size: int = -1) -> bytes:
        """Raise."""
        raise self._error


@pytest.mark.promise("explicit")
class TestStream:
    """What the server's stream does when the body does not come."""

    @pytest.mark.parametrize("framing", [{"CONTENT_LENGTH": "3"}, {"wsgi.input_terminated": True}])
    @pytest.mark.parametrize(
        ("stream", "problem"),
        [
            (Failing(TimeoutError()), RequestTimeout),
            (Failing(ConnectionResetError()), MalformedBody),
            (Failing(ValueError("no chunk size")), MalformedBody),
            (Failing(Exception("a server's own")), MalformedBody),
        ],
    )
    def test_whatever_it_raises_is_a_problem(
        self, framing: dict[str, object], stream: Failing, problem: type[Problem]
    ) -> None:
        """The body did not come, in time or at all; no server's own errors are known here."""
        with pytest.raises(problem):
            read_body({"wsgi.input": stream, **framing}, LIMIT)

    def test_an_early_end_is_refused(self) -> None:
        """A body that is shorter than its length is none."""
        with pytest.raises(MalformedBody, match="Content-Length"):
            read_body(request(b"{}") | {"CONTENT_LENGTH": "3"}, LIMIT)


def chunked(body: bytes) -> bytes:
    """Read a body without a length, which ends where the server says."""
    return read_body({"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}, LIMIT)


@pytest.mark.promise("bounded")
class TestLimit:
    """How much is read."""

    @pytest.mark.parametrize(
        "read",
        [
            pytest.param(lambda body: read_body(request(body), LIMIT), id="plain"),
            pytest.param(chunked, id="chunked"),
            pytest.param(lambda body: inflate(gzip.compress(body), LIMIT), id="gzip"),
        ],
    )
    def test_the_limit_itself_fits_and_one_byte_more_does_not(
        self, read: Callable[[bytes], bytes]
    ) -> None:
        """However a body comes, it is read up to the limit and no further."""
        assert read(b"x" * LIMIT) == b"x" * LIMIT
        with pytest.raises(TooLarge, match="1000 bytes"):
            read(b"x" * (LIMIT + 1))

    def test_a_bomb_is_refused_without_being_inflated(self) -> None:
        """A small stream that claims 100 MB costs no more memory than the limit."""
        bomb = gzip.compress(bytes(100_000_000))
        tracemalloc.start()
        with pytest.raises(TooLarge):
            inflate(bomb, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200_000


@pytest.mark.promise("explicit")
class TestGzip:
    """What counts as a gzip stream (RFC 1952)."""

    @pytest.mark.parametrize("each", [b"", b"x", bytes(range(256)) * 40])
    def test_as_many_members_as_fit_are_joined(self, each: bytes) -> None:
        """Empty ones count for nothing; where one ends in the stream makes no difference."""
        stream = gzip.compress(each, mtime=0) * 1_000 + gzip.compress(b"end", mtime=0)
        assert inflate(stream, len(each) * 1_000 + 3) == each * 1_000 + b"end"

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
