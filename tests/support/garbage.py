"""What only the garbage collector would let go of."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def kept_by_cycles() -> Iterator[list[object]]:
    """Have in the list, once the block is over, the frames and errors that hold each other."""
    kept: list[object] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield kept
        gc.collect()
        kept += [each for each in gc.garbage if isinstance(each, (FrameType, BaseException))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
