"""Tracing with OpenTelemetry's SDK, after its semantic conventions for messaging."""

from __future__ import annotations

import json
from typing import TextIO

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.threads import GuardedThread
from common.tracing import Attributes, Operation, Span

_W3C = TraceContextTextMapPropagator()
_KINDS = {"send": SpanKind.PRODUCER, "process": SpanKind.CONSUMER}


class OtelSpan:
    """A span of the SDK, sampled or not."""

    def __init__(self, span: SdkSpan) -> None:
        self._span = span
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, set_span_in_context(span))
        self.traceparent = carrier["traceparent"]

    def end(self, attributes: Attributes, error: str = "") -> None:
        """End it."""
        self._span.set_attributes(dict(attributes))
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class OtelTracer:
    """Makes spans and exports them from a thread of its own, which has a bounded queue."""

    def __init__(self, service: str, spans_to: SpanExporter) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": service}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(spans_to))
        self._tracer = self._provider.get_tracer("rtb")

    def start(self, operation: Operation, topic: str, parent: str | None) -> Span:
        """Begin a span, the child of `parent` where there is one."""
        context = _W3C.extract({"traceparent": parent} if parent else {})
        attributes = {
            "messaging.system": "kafka",
            "messaging.operation.name": operation,
            "messaging.operation.type": operation,
            "messaging.destination.name": topic,
        }
        name = f"{operation} {topic}"
        span = self._tracer.start_span(name, context, _KINDS[operation], attributes)
        return OtelSpan(span)

    def close(self, seconds: float) -> None:
        """Export what has ended, then stop; a collector that is away is not waited for longer."""
        # the SDK waits for as long as its exporter tries, whatever it is told
        ending = GuardedThread("spans-end", self._provider.shutdown, once=True)
        ending.start()
        ending.join(seconds)


def exporter(kind: str, stdout: TextIO) -> SpanExporter:
    """Return where the setting TRACING sends spans, `console` or `otlp`."""
    if kind == "console":
        return ConsoleSpanExporter(out=stdout, formatter=_line)
    return OTLPSpanExporter()


def _line(span: ReadableSpan) -> str:
    members = json.loads(span.to_json(indent=None))
    return json.dumps({"event": "span", **members}) + "\n"
