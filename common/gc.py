"""Python's garbage collector, set up for processes that handle many short-lived documents."""

from __future__ import annotations

import gc

# Python's own are 700, for programs with few objects. A body of 256 KiB holds 130,000 arrays at the
# most, which are looked at 7 times then instead of 190, and a usual one's not at all. A batch of
# the largest size has fewer, and they all live until it is acknowledged.
_NEW_OBJECTS = 20_000


def tune_gc() -> None:
    """Leave out what is here now, which stays, and look less often at what comes.

    What has no cycles, as documents have none, goes without the collector all the same.
    """
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *older)
