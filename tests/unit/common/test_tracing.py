"""OpenTelemetry's spans, as an exporter gets them."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from common.otel import OtelTracer
from common.settings import SettingsError
from common.tracing import NoTracer, TracingSettings, tracer_maker

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable")]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class TestSpans:
    """One from the ingest, one from the bidding logic, in one trace."""

    def setup_method(self) -> None:
        """Export to memory."""
        self.exporter = InMemorySpanExporter()
        self.tracer = OtelTracer("bid-request-handler", self.exporter)

    def exported(self) -> Sequence[ReadableSpan]:
        """Return what was exported by the end."""
        self.tracer.close(5)
        return self.exporter.get_finished_spans()

    def test_one_trace_leads_from_the_request_to_the_decision(self) -> None:
        """Each span's parent is the one before; names and kinds are the conventions'."""
        send = self.tracer.start("send", "bids", PARENT)
        process = self.tracer.start("process", "bids", send.traceparent)
        process.end({"messaging.kafka.offset": 7})
        send.end({})
        second, first = self.exported()
        assert (first.name, first.kind) == ("send bids", SpanKind.PRODUCER)
        assert (second.name, second.kind) == ("process bids", SpanKind.CONSUMER)
        assert first.context is not None
        assert second.context is not None
        assert first.parent is not None
        assert second.parent is not None
        assert f"{first.context.trace_id:032x}" == f"{second.context.trace_id:032x}" == TRACE
        assert f"{first.parent.span_id:016x}" == "00f067aa0ba902b7"
        assert second.parent.span_id == first.context.span_id
        assert send.traceparent == f"00-{TRACE}-{first.context.span_id:016x}-01"
        assert second.attributes == {
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": "bids",
            "messaging.kafka.offset": 7,
        }
        assert first.resource.attributes["service.name"] == "bid-request-handler"

    def test_an_error_has_its_kind(self) -> None:
        """Its words could quote a request."""
        self.tracer.start("send", "bids", PARENT).end({}, "delivery-unknown")
        (span,) = self.exported()
        assert span.attributes is not None
        assert (span.status.is_ok, span.attributes["error.type"]) == (False, "delivery-unknown")

    def test_who_is_not_sampled_stays_so(self) -> None:
        """The client's choice is passed on, and nothing is exported."""
        span = self.tracer.start("send", "bids", PARENT.removesuffix("01") + "00")
        span.end({})
        assert span.traceparent is not None
        assert span.traceparent.startswith(f"00-{TRACE}-")
        assert span.traceparent.endswith("-00")
        assert self.exported() == ()

    @pytest.mark.parametrize("parent", [None, "", "00-no-trace-01"])
    def test_without_a_parent_a_trace_begins(self, parent: str | None) -> None:
        """A record that others wrote is traced as well."""
        self.tracer.start("process", "bids", parent).end({})
        (span,) = self.exported()
        assert span.parent is None


class Hanging(SpanExporter):
    """A collector that never answers."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.went_on = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002  its signature
        """Hang."""
        self.went_on = self.go_on.wait()
        return SpanExportResult.FAILURE


def test_a_collector_that_is_away_holds_up_nothing() -> None:
    """Neither spans nor the end of the service wait for it."""
    exporter = Hanging()
    tracer = OtelTracer("x", exporter)
    for _ in range(5_000):
        tracer.start("send", "bids", PARENT).end({})
    tracer.close(0.1)
    assert not exporter.went_on
    exporter.go_on.set()


class TestChoice:
    """TRACING."""

    def test_off_imports_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the packages the services run as before."""
        monkeypatch.setitem(sys.modules, "common.otel", None)
        tracer = tracer_maker("x", TracingSettings("off"), io.StringIO())()
        assert isinstance(tracer, NoTracer)
        span = tracer.start("send", "bids", PARENT)
        span.end({})
        tracer.close(1)
        assert span.traceparent is None

    def test_what_is_not_installed_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One line, before anything has begun."""
        monkeypatch.setitem(sys.modules, "common.otel", None)
        with pytest.raises(SettingsError, match="^TRACING='otlp': needs the packages of require"):
            tracer_maker("x", TracingSettings("otlp"), io.StringIO())

    def test_console_is_one_object_a_line(self) -> None:
        """As everything else on standard output."""
        out = io.StringIO()
        tracer = tracer_maker("x", TracingSettings("console"), out)()
        for _ in range(2):
            tracer.start("send", "bids", PARENT).end({})
        tracer.close(5)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [line["event"] for line in lines] == ["span", "span"]
        assert lines[0]["context"]["trace_id"] == f"0x{TRACE}"

    def test_otlp_goes_where_opentelemetry_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its own variables count, as users of it expect."""
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        tracer = tracer_maker("x", TracingSettings("otlp"), io.StringIO())()
        assert isinstance(tracer, OtelTracer)
        tracer.close(1)
