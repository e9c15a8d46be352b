"""Settings of the local run; the services' own settings apply as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import fields, validate

from common.settings import load, setting

PREFIXES = ("RUN_KAFKA_",)
_PORT = validate.Range(1, 65_535)
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  recognised, not bound


@dataclass(frozen=True)
class RunSettings:
    """Where the local run listens and keeps its data."""

    kafka_port: int = setting(
        "RUN_KAFKA_PORT",
        fields.Integer(validate=_PORT),
        doc="Port of the embedded Kafka on 127.0.0.1; unused when `KAFKA_BROKERS` is given.",
        default="9092",
    )
    kafka_data: str = setting(
        "RUN_KAFKA_DATA",
        fields.String(validate=validate.Length(min=1)),
        doc="Folder of the embedded Kafka's data, relative to the project.",
        default=".data/kafka",
    )
    ingest_host: str = setting(
        "INGEST_HOST",
        fields.String(),
        doc="Address that the ingest listens on; the local run keeps to this machine.",
        default="127.0.0.1",
    )
    ingest_port: int = setting(
        "INGEST_PORT", fields.Integer(validate=_PORT), doc="Port of the ingest.", default="8080"
    )
    ingest_admin_port: int = setting(
        "INGEST_ADMIN_PORT",
        fields.Integer(validate=_PORT),
        doc="Port of the ingest's metrics, reasons and documentation.",
        default="8082",
    )
    consumer_host: str = setting(
        "CONSUMER_HEALTH_HOST",
        fields.String(),
        doc="Address of the bidding logic's health endpoints; as above.",
        default="127.0.0.1",
    )
    consumer_port: int = setting(
        "CONSUMER_HEALTH_PORT",
        fields.Integer(validate=_PORT),
        doc="Port of the bidding logic's health endpoints.",
        default="8081",
    )

    def service_environ(self) -> dict[str, str]:
        """Return what the services need to be told of these settings."""
        return {
            "INGEST_HOST": self.ingest_host,
            "INGEST_PORT": str(self.ingest_port),
            "INGEST_ADMIN_PORT": str(self.ingest_admin_port),
            "CONSUMER_HEALTH_HOST": self.consumer_host,
            "CONSUMER_HEALTH_PORT": str(self.consumer_port),
        }


def read_settings(environ: Mapping[str, str]) -> RunSettings:
    """Read the settings; raise SettingsError for a wrong value or an unknown RUN_KAFKA_ name."""
    return load(RunSettings, environ, PREFIXES)


def reachable(host: str) -> str:
    """Return an address that reaches a server which listens on `host`."""
    return _LOOPBACK.get(host, host)
