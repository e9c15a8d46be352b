"""Bytes to a JSON object, with everything refused that two readers might read differently."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn

from app.refusals import MalformedBody

MAX_DEPTH = 64


def parse(raw: bytes) -> dict[str, Any]:
    """Return the JSON object (RFC 8259) in `raw`; raise MalformedBody for anything else.

    Refused on top of bad syntax: other encodings than UTF-8, a byte-order mark, NaN and
    Infinity, numbers over the range of a double, a name twice in one object, lone surrogates and
    more than MAX_DEPTH levels.
    """
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique_names,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        if b"\\u" in raw:
            _encode_strings(document)
    except UnicodeDecodeError as error:
        raise _malformed("is not UTF-8") from error
    except UnicodeEncodeError as error:
        raise _malformed("holds half of a surrogate pair") from error
    except RecursionError as error:
        raise _malformed(f"nests deeper than {MAX_DEPTH} levels") from error
    except json.JSONDecodeError as error:
        raise _malformed(f"is not JSON: {error.msg} at character {error.pos}") from error
    except ValueError as error:
        # int() refuses more digits than sys.get_int_max_str_digits()
        raise _malformed("holds a number that is out of range") from error
    if not isinstance(document, dict):
        raise _malformed("is not a JSON object")
    _check_depth(document, raw)
    return document


def _malformed(what: str) -> MalformedBody:
    return MalformedBody(f"The body {what}.")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _malformed("holds a name twice in one object")
    return result


def _no_constant(_name: str) -> NoReturn:
    raise _malformed("holds a number that is out of range")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _malformed("holds a number that is out of range")
    return value


def _encode_strings(document: object) -> None:
    json.dumps(document, ensure_ascii=False).encode("utf-8")


def _check_depth(document: object, raw: bytes) -> None:
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    level: list[object] = [document]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise _malformed(f"nests deeper than {MAX_DEPTH} levels")


def _children(parent: object) -> Iterable[object]:
    members: Iterable[object] = ()
    if isinstance(parent, dict):
        members = parent.values()
    elif isinstance(parent, list):
        members = parent
    return (member for member in members if isinstance(member, (dict, list)))
