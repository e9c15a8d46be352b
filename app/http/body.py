"""The bytes of a bid request, as they will stand on the topic."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.wsgi import get_content_length, get_input_stream

from app.problems import MalformedBody, RequestTimeout, TooLarge, UnsupportedMedia

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_GZIP = 16 + zlib.MAX_WBITS
_JSON = "application/json"


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """Return the body, inflated where it came as gzip (OpenRTB 2.6 section 2.2-2.4).

    Raises UnsupportedMedia, TooLarge (over `limit` bytes, before or after inflation),
    RequestTimeout or MalformedBody (a body that ends early, a broken gzip stream).
    """
    _check_content_type(environ.get("CONTENT_TYPE"))
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise UnsupportedMedia("Content-Encoding must be gzip, or absent.")
    try:
        received = _received(environ, limit)
    except RequestEntityTooLarge as error:
        raise _too_large(limit) from error
    except TimeoutError as error:
        raise RequestTimeout("The body did not arrive in time.") from error
    except (ClientDisconnected, ParseException, OSError) as error:
        raise MalformedBody("The body ends early, or its chunks are malformed.") from error
    return inflate(received, limit) if encoding == "gzip" else received


def _received(environ: WSGIEnvironment, limit: int) -> bytes:
    length = get_content_length(environ)
    if length is None:
        return get_input_stream(environ, max_content_length=limit).read()
    if length > limit:
        raise RequestEntityTooLarge
    received: bytes = environ["wsgi.input"].read(length)
    if len(received) < length:
        raise MalformedBody("The body is shorter than its Content-Length.")
    return received


def inflate(compressed: bytes, limit: int) -> bytes:
    """Return what a gzip stream (RFC 1952, several members allowed) holds, `limit` bytes at most.

    Never holds more than `limit` bytes and one, whatever the stream claims. Raises TooLarge or
    MalformedBody.
    """
    inflated = bytearray()
    rest = compressed
    while rest or not inflated:
        member = zlib.decompressobj(_GZIP)
        try:
            inflated += member.decompress(rest, limit + 1 - len(inflated))
        except zlib.error as error:
            raise MalformedBody("The body is not a gzip stream.") from error
        if len(inflated) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise MalformedBody("The gzip stream ends early.")
        rest = member.unused_data
        if not inflated and not rest:
            break
    return bytes(inflated)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body must hold at most {limit} bytes after inflation.")


def _check_content_type(given: str | None) -> None:
    if given is None or given == _JSON:
        return
    mimetype, parameters = parse_options_header(given)
    if mimetype.lower() != _JSON or parameters.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMedia("Content-Type must be application/json in UTF-8, or absent.")
