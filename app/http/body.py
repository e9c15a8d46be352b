"""The bytes of a bid request, as they will stand on the topic."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from werkzeug.http import parse_options_header
from werkzeug.wsgi import get_content_length

from app.problems import (
    MalformedBody,
    RequestTimeout,
    TooLarge,
    UnsupportedMedia,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, WSGIEnvironment

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 4096
_JSON = "application/json"


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """Return the body, inflated where it came as gzip (OpenRTB 2.6 section 2.2-2.4).

    Raises UnsupportedMedia, TooLarge (over `limit` bytes, before or after
    inflation), RequestTimeout or MalformedBody (a body that does not come, a broken gzip stream).
    """
    _check_content_type(environ.get("CONTENT_TYPE"))
    codings = environ.get("HTTP_CONTENT_ENCODING")
    is_gzip = codings is not None and _is_gzip(codings)
    received = _receive(environ, limit)
    return inflate(received, limit) if is_gzip else received


def _is_gzip(codings: str) -> bool:
    """Say whether a body is to be inflated; empty elements count for nothing (RFC 9110 5.6.1)."""
    listed = (coding.strip() for coding in codings.lower().split(","))
    match [coding for coding in listed if coding not in {"", "identity"}]:
        case []:
            return False
        case ["gzip" | "x-gzip"]:  # the same (RFC 9110 section 8.4.1.3)
            return True
    raise UnsupportedMedia("Content-Encoding must be gzip, once, or absent.")


def _receive(environ: WSGIEnvironment, limit: int) -> bytes:
    length = get_content_length(environ)
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""
    if length is not None and length > limit:
        raise _too_large(limit)
    received = _read(environ["wsgi.input"], limit + 1 if length is None else length)
    if len(received) > limit:
        raise _too_large(limit)
    if length is not None and len(received) < length:
        raise MalformedBody("The body is shorter than its Content-Length.")
    return received


def _read(stream: InputStream, size: int) -> bytes:
    try:
        return stream.read(size)
    except TimeoutError as error:
        raise RequestTimeout("The body did not arrive in time.") from error
    except Exception as error:  # each server has its own for a client that is gone, or lies
        raise MalformedBody("The body ends early, or its chunks are malformed.") from error


def inflate(compressed: bytes, limit: int) -> bytes:
    """Return what a gzip stream (RFC 1952, several members allowed) holds, `limit` bytes at most.

    Never holds more than `limit` bytes and one, whatever the stream claims. Raises TooLarge or
    MalformedBody.

    A member leaves what comes after it as a copy. It is therefore given little at a time, and the
    cost grows with the stream, however many members it has: empty ones waste nothing but the bytes
    that they came in.
    """
    inflated, taken = bytearray(), 0
    stream, member = memoryview(compressed), zlib.decompressobj(_GZIP)
    while not member.eof or taken < len(stream):
        if member.eof:
            member = zlib.decompressobj(_GZIP)
        piece = stream[taken : taken + _PIECE]
        if not piece:
            raise MalformedBody("The gzip stream ends early.")
        inflated += _decompress(member, piece, limit + 1 - len(inflated))
        if len(inflated) > limit:
            raise _too_large(limit)
        taken += len(piece) - len(member.unused_data)
    return bytes(inflated)


def _decompress(member: zlib._Decompress, piece: memoryview, most: int) -> bytes:
    try:
        return member.decompress(piece, most)
    except zlib.error as error:
        raise MalformedBody("The body is not a gzip stream.") from error


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body must hold at most {limit} bytes after inflation.")


def _check_content_type(given: str | None) -> None:
    if given is None or given == _JSON:
        return
    mimetype, parameters = parse_options_header(given)
    if mimetype.lower() != _JSON or parameters.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMedia("Content-Type must be application/json in UTF-8, or absent.")
