"""How this process takes a signal, which what it starts inherits where it is ignored."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def taken(number: int, how: signal.Handlers) -> Iterator[None]:
    """Have signal `number` taken as `how` says, whatever whoever started the tests chose."""
    given = signal.signal(number, how)
    try:
        yield
    finally:
        signal.signal(number, given)
