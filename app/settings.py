"""The settings of the ingest, out of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import fields, validate

from app.schema.base import OpenRtbObject
from app.validation.schemas import MINIMAL, OPENRTB_26, NoSuchSchema, schema_named
from app.validation.supported import NotCompilable
from app.validation.validator import MODES, Validation
from common.kafka import KafkaSettings
from common.logs import LogSettings
from common.settings import MOST, POSITIVE, SettingsError, load, setting
from common.tracing import TracingSettings

PREFIXES = ("INGEST_", "KAFKA_", "BID_", "VALIDATION_", "TRACING")
_LARGEST_RECORD = 1 << 30  # with its key and headers it is within what Kafka can take
_AROUND_BODY = 128 * 1024  # its head or its chunks' framing, and what was read behind it
LOOP, THREAD = "loop", "thread"
SERVICE = "bid-request-handler"  # on every line of the log, and to Kafka


@dataclass(frozen=True)
class IngestSettings:
    """One row per environment variable of the ingest."""

    kafka: KafkaSettings
    logs: LogSettings
    tracing: TracingSettings
    host: str = setting(
        "INGEST_HOST",
        fields.String(),
        doc="Address to listen on, IPv4 or IPv6 (`::` for both).",
        default="0.0.0.0",  # noqa: S104  a container is reached from outside of it
    )
    port: int = setting(
        "INGEST_PORT",
        fields.Integer(validate=validate.Range(0, 65_535)),
        doc="Port to listen on; 0 takes a free one.",
        default="8080",
    )
    admin_port: int = setting(
        "INGEST_ADMIN_PORT",
        fields.Integer(validate=validate.Range(0, 65_535)),
        doc="Port for `/metrics`, `/docs`, `/openapi.json` and `/readyz` with reasons, which are "
        "not the public's; 0 takes a free one.",
        default="8082",
    )
    workers: int = setting(
        "INGEST_WORKERS",
        fields.Integer(validate=POSITIVE),
        doc="Worker processes, each with its own Kafka producer.",
        default="2",
    )
    backlog: int = setting(
        "INGEST_BACKLOG",
        fields.Integer(validate=POSITIVE),
        doc="Connections that may wait to be accepted.",
        default="2048",
    )
    keepalive_s: int = setting(
        "INGEST_KEEPALIVE_S",
        fields.Integer(validate=POSITIVE),
        doc="Seconds that an idle connection is kept open.",
        default="75",
    )
    connections: int = setting(
        "INGEST_CONNECTIONS",
        fields.Integer(validate=POSITIVE),
        doc="Connections that a worker keeps open; beyond them new ones wait in the backlog. "
        "Never more than its file descriptors allow.",
        default="4096",
    )
    read_timeout_s: int = setting(
        "INGEST_READ_TIMEOUT_S",
        fields.Integer(validate=POSITIVE),
        doc="Seconds that a client may take to send a request, from its first byte to its last; "
        "later is 408.",
        default="5",
    )
    write_timeout_s: int = setting(
        "INGEST_WRITE_TIMEOUT_S",
        fields.Integer(validate=POSITIVE),
        doc="Seconds that a client may take to read an answer, from its first byte to its last; "
        "then its connection is closed.",
        default="10",
    )
    max_requests: int = setting(
        "INGEST_MAX_REQUESTS",
        fields.Integer(validate=validate.Range(0, MOST)),
        doc="Requests after which a worker is replaced; 0: never.",
        default="0",
    )
    stuck_timeout_s: int = setting(
        "INGEST_STUCK_TIMEOUT_S",
        fields.Integer(validate=POSITIVE),
        doc="Seconds that a record may stay without an end, far beyond its deadline, before "
        "`/healthz` answers 503: its worker is broken, whatever Kafka does.",
        default="30",
    )
    max_body_bytes: int = setting(
        "INGEST_MAX_BODY_BYTES",
        fields.Integer(validate=validate.Range(1, _LARGEST_RECORD)),
        doc="Largest body, after inflation; more is 413, as is what the topic does not take.",
        default="262144",
    )
    bid_schema: str = setting(
        "BID_SCHEMA",
        fields.String(),
        doc="What bid requests must satisfy: `openrtb26`, `minimal` (a non-empty string `id`) or"
        " `package.module:SchemaClass` of your own (docs/validation.md).",
        default=OPENRTB_26,
    )
    validation_mode: str = setting(
        "VALIDATION_MODE",
        fields.String(validate=validate.OneOf(tuple(MODES))),
        doc="`enforce` refuses what breaks a rule, `warn` accepts and counts it, `off` looks at the"
        " `id` alone. What is not a JSON object is refused in any case.",
        default="enforce",
    )
    publish_timeout_ms: int = setting(
        "INGEST_PUBLISH_TIMEOUT_MS",
        fields.Integer(validate=validate.Range(50, 3_600_000)),
        doc="Milliseconds that Kafka may take to acknowledge a record; later is 503.",
        default="1000",
    )
    kafka_sender: str = setting(
        "INGEST_KAFKA_SENDER",
        fields.String(validate=validate.OneOf([LOOP, THREAD])),
        doc="Who does kafka-python's network work: `loop`, the event loop that serves HTTP, as "
        "long as it need not wait, or `thread`, a thread of its own, which is slower "
        "(docs/performance.md).",
        default=LOOP,
    )
    max_pending_records: int = setting(
        "INGEST_MAX_PENDING_RECORDS",
        fields.Integer(validate=POSITIVE),
        doc="Records per worker that may wait for their acknowledgement; more is 503 at once.",
        default="1000",
    )
    max_pending_bytes: int = setting(
        "INGEST_MAX_PENDING_BYTES",
        fields.Integer(validate=POSITIVE),
        doc="Bytes per worker of all that is not answered yet: requests on their way in and "
        "answers on their way out, half of it at most, and records that wait for their "
        "acknowledgement; more is 503 at once.",
        default="16777216",
    )
    graceful_timeout_s: int = setting(
        "INGEST_GRACEFUL_TIMEOUT_S",
        fields.Integer(validate=POSITIVE),
        doc="Seconds that requests in flight get to finish after SIGTERM.",
        default="5",
    )
    drain_timeout_s: int = setting(
        "INGEST_DRAIN_TIMEOUT_S",
        fields.Integer(validate=POSITIVE),
        doc="Seconds that records in flight get to be acknowledged after that.",
        default="2",
    )

    def check(self) -> None:
        """Raise SettingsError where the settings do not go together."""
        if self.admin_port == self.port != 0:
            raise SettingsError(
                f"INGEST_ADMIN_PORT={self.admin_port}: must be another than INGEST_PORT, which is"
                " the public's"
            )
        least = 2 * (self.max_body_bytes + _AROUND_BODY)
        if self.max_pending_bytes < least:
            raise SettingsError(
                f"INGEST_MAX_PENDING_BYTES={self.max_pending_bytes}: must be at least {least} for "
                f"INGEST_MAX_BODY_BYTES={self.max_body_bytes}, or a large body is never accepted: "
                "half of it is for requests on their way in"
            )


def build_validation(settings: IngestSettings) -> Validation:
    """Compile the schema that the settings name; raise SettingsError where that cannot be done."""
    try:
        return MODES[settings.validation_mode](schema_named(settings.bid_schema))
    except (NoSuchSchema, NotCompilable) as error:
        raise SettingsError(f"BID_SCHEMA={settings.bid_schema!r}: {error}") from error


def schema_in_force(settings: IngestSettings) -> OpenRtbObject:
    """Return the schema that bid requests are held against."""
    return schema_named(MINIMAL if settings.validation_mode == "off" else settings.bid_schema)


def load_settings(environ: Mapping[str, str]) -> IngestSettings:
    """Read the settings; raise common.settings.SettingsError at the first wrong one."""
    return load(IngestSettings, environ, PREFIXES)
