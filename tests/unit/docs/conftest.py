"""The pages call what a user writes `ours`, each in its own way."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Forget what one page calls `ours` before the next page does."""
    yield
    for name in [*sys.modules]:
        if name.partition(".")[0] == "ours":
            del sys.modules[name]
