"""Bytes to a JSON object, with everything refused that two readers might read differently."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from app.problems import MalformedBody

MAX_DEPTH = 64

_USUAL_DEPTH = 12
_USUAL_BRACKETS = 4096
_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_BUT_BRACKETS_AND_QUOTES = bytes(set(_BUT_BRACKETS) - set(b'"'))
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_ESCAPE = re.compile(rb"\\(u003[aA]|.)", re.DOTALL)


def parse(raw: bytes) -> dict[str, Any]:
    """Return the JSON object (RFC 8259) in `raw`; raise MalformedBody for anything else.

    Refused on top of bad syntax: other encodings than UTF-8, a byte-order mark, NaN and
    Infinity, numbers over the range of a double, integers of more than 4,300 digits, a name twice
    in one object, lone surrogates and more than MAX_DEPTH levels.
    """
    try:
        document = msgspec.json.decode(raw)
    except RecursionError as error:
        raise _too_deep() from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _reason(raw) from error
    if not isinstance(document, dict):
        raise _malformed("is not a JSON object")
    _check_depth(document, raw)
    if _colons(raw) != msgspec.json.encode(document).count(b":"):
        raise _malformed("holds a name twice in one object")
    return document


def _colons(raw: bytes) -> int:
    r"""Return the number of colons in valid JSON, in strings and between members.

    Written anew, a document that was read has as many, escapes (`\u003a`) counted: the writer
    escapes none. It has fewer if and only if a name stood twice in one object, as the reader keeps
    the last value alone. To look at the names of each object, in Python, takes far longer.
    """
    colons = raw.count(b":")
    if b"\\" in raw and b"\\u003" in raw:
        colons += sum(len(escape) > 1 for escape in _ESCAPE.findall(raw))
    return colons


def _check_depth(document: dict[str, Any], raw: bytes) -> None:
    # each level takes two brackets; those in strings only make the number larger
    brackets = len(raw.translate(None, _BUT_BRACKETS))
    if brackets <= 2 * MAX_DEPTH or (brackets <= _USUAL_BRACKETS and _is_shallow(raw)):
        return
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [
            each
            for one in level
            for each in (one.values() if type(one) is dict else one)
            if type(each) is dict or type(each) is list
        ]
        if not level:
            return
    raise _too_deep()


def _is_shallow(raw: bytes) -> bool:
    """Say whether valid JSON has as few levels as bid requests have; False where it cannot tell.

    Without escapes and all else, a string is two quotes around its brackets, so that no quote is
    left of strings without any; then each round takes the innermost level away.
    """
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    skeleton = raw.translate(_AS_SQUARE, _BUT_BRACKETS_AND_QUOTES).replace(b'""', b"")
    if b'"' in skeleton:
        return False
    for _ in range(_USUAL_DEPTH):
        skeleton = skeleton.replace(b"[]", b"")
        if not skeleton:
            return True
    return False


def _reason(raw: bytes) -> MalformedBody:
    """Return what is wrong with bytes that msgspec does not read, in the json module's words."""
    try:
        json.loads(raw.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError:
        return _malformed("is not UTF-8")
    except RecursionError:
        return _too_deep()
    except json.JSONDecodeError as error:
        return _malformed(f"is not JSON: {error.msg} at character {error.pos}")
    except ValueError:
        # int() refuses more digits than sys.get_int_max_str_digits()
        return _malformed("holds a number that is out of range")
    # the one thing left that the json module lets through
    return _malformed("holds half of a surrogate pair")


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError
    return value


def _malformed(what: str) -> MalformedBody:
    return MalformedBody(f"The body {what}.")


def _too_deep() -> MalformedBody:
    return _malformed(f"nests deeper than {MAX_DEPTH} levels")
