"""What a fault scenario tells the reader of docs/reliability.md."""

from __future__ import annotations

import pytest


def scenario(
    fault: str,
    *,
    client: str = "Nothing",
    kept: str = "Everything that was accepted",
    recovery: str = "None needed",
) -> pytest.MarkDecorator:
    """Mark a test with a row of the table: what breaks, who sees what, and how it ends."""
    return pytest.mark.scenario(fault=fault, client=client, kept=kept, recovery=recovery)
