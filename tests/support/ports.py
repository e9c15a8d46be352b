"""Ports that nobody listens on, for all of a run."""

from __future__ import annotations

from verification.run.ports import free_port

# The settings of the ports of a run on this machine.
PORTS = ("RUN_KAFKA_PORT", "INGEST_PORT", "INGEST_ADMIN_PORT", "CONSUMER_HEALTH_PORT")


def free_settings() -> dict[str, str]:
    """Return settings that move all of a run to free ports."""
    return {setting: str(free_port()) for setting in PORTS}
