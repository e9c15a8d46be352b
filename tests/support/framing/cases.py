"""Every case of framing, one for each kind of trouble."""

from __future__ import annotations

from tests.support.framing import bodies, connections, heads
from tests.support.framing.case import Case

CASES: tuple[Case, ...] = (*heads.CASES, *bodies.CASES, *connections.CASES)
