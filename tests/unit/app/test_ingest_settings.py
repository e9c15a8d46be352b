"""What the environment may say to the ingest."""

from __future__ import annotations

import pytest
from marshmallow import fields

from app.settings import IngestSettings, load_settings
from common.settings import Setting, SettingsError, table


def test_one_port_for_both_is_refused() -> None:
    """What is not the public's has a port of its own."""
    with pytest.raises(SettingsError, match="^INGEST_ADMIN_PORT=8080: must be another than"):
        load_settings({"INGEST_ADMIN_PORT": "8080"})


def test_both_may_take_free_ports() -> None:
    """Two zeros become two ports."""
    settings = load_settings({"INGEST_PORT": "0", "INGEST_ADMIN_PORT": "0"})
    assert (settings.port, settings.admin_port) == (0, 0)


def test_a_body_that_never_fits_among_those_pending_is_refused() -> None:
    """Two limits that contradict each other would answer 503 to a large body for ever."""
    least = 2 * (1_000 + 2 * 65_536)
    environ = {"INGEST_MAX_BODY_BYTES": "1000", "INGEST_MAX_PENDING_BYTES": f"{least}"}
    assert load_settings(environ).max_pending_bytes == least
    with pytest.raises(SettingsError, match=f"^INGEST_MAX_PENDING_BYTES={least - 1}: must be at"):
        load_settings(environ | {"INGEST_MAX_PENDING_BYTES": f"{least - 1}"})


@pytest.mark.parametrize(
    "row", [row for row in table(IngestSettings) if isinstance(row.parse, fields.Integer)]
)
def test_a_number_that_nothing_takes_is_refused(row: Setting) -> None:
    """What the system, Kafka or a clock cannot hold is a line at the start, not a failure later."""
    with pytest.raises(SettingsError, match=f"^{row.name}=") as raised:
        load_settings({row.name: "9" * 12})
    assert "\n" not in str(raised.value)


def test_a_body_that_no_record_can_hold_is_refused() -> None:
    """Kafka counts the bytes of a record in 31 bits."""
    environ = {"INGEST_MAX_BODY_BYTES": str(2**31), "INGEST_MAX_PENDING_BYTES": str(2**31 - 1)}
    with pytest.raises(SettingsError, match="^INGEST_MAX_BODY_BYTES="):
        load_settings(environ)
