"""What the environment may say to the ingest."""

from __future__ import annotations

import pytest
from marshmallow import fields

from app.settings import IngestSettings, load_settings
from common.settings import SettingsError, table

pytestmark = pytest.mark.promise("configured")

NUMBERS = [row.name for row in table(IngestSettings) if isinstance(row.parse, fields.Integer)]
LEAST = 2 * (1_000 + 2 * 65_536)


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"INGEST_ADMIN_PORT": "8080"}, "INGEST_ADMIN_PORT=8080: must be another than"),
        # or a large body would be answered 503 for ever
        (
            {"INGEST_MAX_BODY_BYTES": "1000", "INGEST_MAX_PENDING_BYTES": str(LEAST - 1)},
            f"INGEST_MAX_PENDING_BYTES={LEAST - 1}: must be at least {LEAST}",
        ),
        # Kafka counts the bytes of a record in 31 bits
        ({"INGEST_MAX_BODY_BYTES": str(2**31)}, "INGEST_MAX_BODY_BYTES="),
        # what the system, Kafka or a clock cannot hold
        *(({name: "9" * 12}, f"{name}=") for name in NUMBERS),
    ],
)
def test_what_does_not_go_is_a_line_at_the_start(environ: dict[str, str], why: str) -> None:
    """It begins with the setting's name, and is no failure later."""
    with pytest.raises(SettingsError) as raised:
        load_settings(environ)
    assert str(raised.value).startswith(why)
    assert "\n" not in str(raised.value)


def test_what_goes_just_so_is_taken() -> None:
    """Two zeros become two ports; a body may be as large as half of what may be pending."""
    environ = {"INGEST_MAX_BODY_BYTES": "1000", "INGEST_MAX_PENDING_BYTES": str(LEAST)}
    settings = load_settings({"INGEST_PORT": "0", "INGEST_ADMIN_PORT": "0", **environ})
    assert (settings.port, settings.admin_port) == (0, 0)
    assert settings.max_pending_bytes == LEAST
