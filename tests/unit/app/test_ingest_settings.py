"""What the environment may say to the ingest."""

from __future__ import annotations

import pytest

from app.settings import load_settings
from common.settings import SettingsError


def test_a_body_that_never_fits_among_those_pending_is_refused() -> None:
    """Two limits that contradict each other would answer 503 to a large body for ever."""
    environ = {"INGEST_MAX_BODY_BYTES": "1001", "INGEST_MAX_PENDING_BYTES": "1000"}
    with pytest.raises(SettingsError, match="^INGEST_MAX_PENDING_BYTES=1000: must be at least"):
        load_settings(environ)
