"""Spans of what happens to a record, each the child of the one before (W3C Trace Context)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TextIO

from marshmallow import fields, validate

from common.settings import SettingsError, setting

Attributes = Mapping[str, str | int]
Operation = Literal["send", "process"]
_OFF = "off"


@dataclass(frozen=True)
class TracingSettings:
    """Whether spans are made."""

    exporter: str = setting(
        "TRACING",
        fields.String(validate=validate.OneOf([_OFF, "console", "otlp"])),
        doc="OpenTelemetry spans: `off`; `console`, a line each on standard output; `otlp`, to the "
        "collector that OpenTelemetry's own variables name (`OTEL_EXPORTER_OTLP_ENDPOINT` and so "
        "on). The latter two need the packages of requirements/tracing.txt.",
        default=_OFF,
    )


class Span(Protocol):
    """Something that has begun."""

    @property
    def traceparent(self) -> str | None:
        """The traceparent that makes another span its child; None where nothing is traced."""

    def end(self, attributes: Attributes, error: str = "") -> None:
        """Say that it has ended, well or with an error of that kind."""


class Tracer(Protocol):
    """Makes spans, from any thread."""

    def start(self, operation: Operation, topic: str, parent: str | None) -> Span:
        """Begin an operation on a record of a topic; `parent` is its traceparent."""

    def close(self, seconds: float) -> None:
        """Export what has ended, within so many seconds."""


class NoSpan:
    """The span of what is not traced."""

    traceparent = None

    def end(self, attributes: Attributes, error: str = "") -> None:
        """Do nothing."""


class NoTracer:
    """Makes no spans."""

    _span = NoSpan()

    def start(self, _operation: Operation, _topic: str, _parent: str | None) -> Span:
        """Return what is not traced."""
        return self._span

    def close(self, _seconds: float) -> None:
        """Do nothing."""


def tracer_maker(service: str, settings: TracingSettings, stdout: TextIO) -> Callable[[], Tracer]:
    """Return what makes the tracer; raise SettingsError where its packages are missing.

    A tracer has threads: in a process that forks, make it after the fork.
    """
    if settings.exporter == _OFF:
        return NoTracer
    try:
        from common.otel import OtelTracer, exporter  # noqa: PLC0415  installed where it is wanted
    except ImportError as error:
        raise SettingsError(
            f"TRACING={settings.exporter!r}: needs the packages of requirements/tracing.txt"
        ) from error
    return lambda: OtelTracer(service, exporter(settings.exporter, stdout))
