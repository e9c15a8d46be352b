"""Which sinks get the decisions, which of them are waited for, and what the shipped ones need."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import fields, validate

from common.settings import POSITIVE, SettingsError, setting

KAFKA = "kafka"
PATIENCE = 0.25  # of the publish timeout: how long a batch waits for room in a queue


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True)
class SinkSettings:
    """Lists of names are comma-separated."""

    listed: str = setting(
        "CONSUMER_SINKS",
        fields.String(),
        doc="Where decisions go, comma-separated: `kafka` (the topic of decisions), `jsonl` "
        "(files), `log` (this service's log), entry points of `rtb.sinks` or "
        "`package.module:Class` of your own (docs/strategies.md).",
        default=KAFKA,
    )
    durable: str = setting(
        "CONSUMER_DURABLE_SINKS",
        fields.String(),
        doc="Those of them that are waited for, one at least, `kafka` always: a request is done "
        "once these have its decision; while one does not take it, its partition is paused. The "
        "others get what is done from a queue of their own, and what does not fit is dropped and "
        "counted. With both lists empty decisions are logged and counted alone, to try a strategy "
        "out.",
        default=KAFKA,
    )
    queue: int = setting(
        "CONSUMER_SINK_QUEUE",
        fields.Integer(validate=POSITIVE),
        doc="Decisions that may wait for each sink but `kafka`.",
        default="2000",
    )
    queue_bytes: int = setting(
        "CONSUMER_SINK_QUEUE_BYTES",
        fields.Integer(validate=POSITIVE),
        doc="Bytes of decisions and their requests that may wait for each sink but `kafka`; read "
        "into objects they take a few times that in memory.",
        default="8388608",
    )
    drain_ms: int = setting(
        "CONSUMER_SINK_DRAIN_MS",
        fields.Integer(validate=validate.Range(0, 60_000)),
        doc="Milliseconds that all these sinks together get at the end to deliver what waits.",
        default="2000",
    )
    jsonl_path: str = setting(
        "CONSUMER_JSONL_PATH",
        fields.String(),
        doc="File that `jsonl` writes to, required with it; older ones get `.1`, `.2` and so on.",
        default="",
    )
    jsonl_max_bytes: int = setting(
        "CONSUMER_JSONL_MAX_BYTES",
        fields.Integer(validate=POSITIVE),
        doc="Bytes after which `jsonl` begins a new file.",
        default="67108864",
    )
    jsonl_files: int = setting(
        "CONSUMER_JSONL_FILES",
        fields.Integer(validate=validate.Range(2, 1_000)),
        doc="Files that `jsonl` keeps, the one that it writes to included.",
        default="5",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """All sinks."""
        return _split(self.listed)

    @property
    def durable_names(self) -> tuple[str, ...]:
        """Those that are waited for."""
        return _split(self.durable)

    @property
    def queues_waited_for(self) -> int:
        """The number of durable sinks that have a queue."""
        return len({*self.durable_names} - {KAFKA})

    def check(self) -> None:
        """Raise SettingsError where the settings do not go together."""
        names, durable = set(self.names), set(self.durable_names)
        if len(names) < len(self.names):
            raise SettingsError(f"CONSUMER_SINKS={self.listed!r}: a sink is named twice")
        if not durable <= names or (names and not durable):
            raise SettingsError(
                f"CONSUMER_DURABLE_SINKS={self.durable!r}: must name at least one of "
                f"CONSUMER_SINKS={self.listed!r}, and no other"
            )
        if KAFKA in names - durable:
            raise SettingsError(f"CONSUMER_DURABLE_SINKS={self.durable!r}: must name kafka")
        if "jsonl" in names and not self.jsonl_path:
            raise SettingsError("CONSUMER_JSONL_PATH: is required with the sink jsonl")
