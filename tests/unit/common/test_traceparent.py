"""The trace: the client's where it is valid (W3C Trace Context section 3.2.2), else a new one."""

from __future__ import annotations

import pytest

from common.traceparent import take_or_make, trace_id

pytestmark = pytest.mark.promise("observable")

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE}-{SPAN}-00"
MADE = f"00-{'aa' * 16}-{'aa' * 8}-01"


def dice(count: int) -> bytes:
    """Return bytes that are the same every time."""
    return b"\xaa" * count


def test_a_valid_one_is_taken_unchanged() -> None:
    """The client's trace goes on, and logs name it by its 32 digits."""
    assert take_or_make(VALID, dice) == VALID
    assert trace_id(VALID) == TRACE


@pytest.mark.parametrize(
    "given",
    [
        *(None, "", "garbage", VALID.upper(), VALID + "-extra", VALID + "\n", "ff" + VALID[2:]),
        *(VALID.replace(TRACE, "0" * 32), VALID.replace(SPAN, "0" * 16)),
    ],
)
def test_anything_else_starts_a_new_trace(given: str | None) -> None:
    """An absent or invalid traceparent is replaced by a valid one."""
    assert take_or_make(given, dice) == MADE
    assert take_or_make(MADE, dice) == MADE
