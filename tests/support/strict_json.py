"""A second opinion on what a strict reader of JSON accepts, slow and plain."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def read(raw: bytes, max_depth: int) -> dict[str, Any]:
    """Return the object in `raw`; raise ValueError where two readers might read different things.

    Says the same as app.validation.strict_json.parse, with the json module alone.
    """
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
        )
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError from error
    if not isinstance(document, dict) or _depth(document) > max_depth:
        raise ValueError
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


def _finite(digits: str) -> float:
    if not math.isfinite(float(digits)):
        raise ValueError
    return float(digits)


def _depth(value: object) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        each, depth = todo.pop()
        if isinstance(each, dict | list):
            deepest = max(deepest, depth)
            members = each.values() if isinstance(each, dict) else each
            todo += [(member, depth + 1) for member in members]
    return deepest
