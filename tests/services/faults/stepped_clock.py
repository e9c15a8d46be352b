"""Either service on a clock that somebody sets two hours back and forth every second."""

from __future__ import annotations

import os
import runpy
import sys
import time

_TWO_HOURS_S = 7200
_OFFSETS_S = (0, -_TWO_HOURS_S, _TWO_HOURS_S)
_true_time = time.time


def stepped() -> float:
    """Return epoch seconds, which are hours off two seconds out of three."""
    return _true_time() + _OFFSETS_S[int(time.monotonic()) % len(_OFFSETS_S)]


if __name__ == "__main__":
    service = sys.argv.pop(1)
    time.time = stepped  # before anything of the service is imported, which may keep it
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  as `python -m` does
    runpy.run_module(service, run_name="__main__", alter_sys=True)
