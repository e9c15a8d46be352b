"""The trace that a request and its record belong to (W3C Trace Context section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Callable

NAME = "traceparent"

# Section 3.2.2: version ff is invalid, as are all-zero ids; version 00 is exactly this long.
_VALID = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_valid(given: str) -> bool:
    """Say whether it is a traceparent of version 00, the one that there is."""
    return _VALID.fullmatch(given) is not None


def take_or_make(given: str | None, random_bytes: Callable[[int], bytes]) -> str:
    """Return the client's traceparent where it is a valid one, else a new, sampled one."""
    if given is not None and is_valid(given):
        return given
    made = random_bytes(24).hex()
    return f"00-{made[:32]}-{made[32:]}-01"


def trace_id(traceparent: str) -> str:
    """Return the 32 hexadecimal digits that name the trace."""
    return traceparent.split("-")[1]
