"""Python's garbage collector, set up for requests of many small parts."""

from __future__ import annotations

import gc

# a body of 256 KiB holds 130,000 arrays at the most: 13 looks at what is new instead of 190, and
# none at all for a usual request
_NEW_OBJECTS = 10_000


def settle_collector() -> None:
    """Leave out what is here now, which stays, and look less often at what comes.

    What has no cycles, as documents have none, goes without the collector all the same.
    """
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *older)
