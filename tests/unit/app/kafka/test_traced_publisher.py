"""A span for each record that is sent, and its place on the record."""

from __future__ import annotations

import pytest

from app.kafka.publisher import Record
from app.kafka.traced_publisher import TracedPublisher, trace
from app.problems import DeliveryUnknown
from common.tracing import NoTracer
from tests.support.fakes.publisher import FakePublisher
from tests.support.fakes.tracer import FakeTracer

GIVEN = f"00-{'a' * 32}-{'b' * 16}-01"
RECORD = Record(b"r-1", b"{}", (("traceparent", GIVEN.encode()), ("content-type", b"json")))


class TestTracedPublisher:
    """Stands before another publisher."""

    def setup_method(self) -> None:
        """Prepare one."""
        self.inner, self.tracer = FakePublisher(), FakeTracer()
        self.publisher = TracedPublisher(self.inner, self.tracer, "bids")

    def test_the_record_carries_the_span_and_nothing_else_changes(self) -> None:
        """The span is a child of the request's; key, value and other headers are as they were."""
        at = self.publisher.publish(RECORD)
        (span,) = self.tracer.spans
        assert span.started == ("send", "bids", GIVEN)
        (sent,) = self.inner.records
        assert (at.offset, sent.key, sent.value) == (0, b"r-1", b"{}")
        assert span.traceparent is not None
        assert dict(sent.headers) == {
            "traceparent": span.traceparent.encode(),
            "content-type": b"json",
        }
        assert span.ended == (
            {
                "messaging.message.body.size": 2,
                "messaging.destination.partition.id": "0",
                "messaging.kafka.offset": 0,
            },
            "",
        )

    def test_a_refusal_ends_the_span_with_its_code(self) -> None:
        """And is the same refusal."""
        self.inner.refuses_with = DeliveryUnknown("late")
        with pytest.raises(DeliveryUnknown):
            self.publisher.publish(RECORD)
        assert self.tracer.spans[0].ended == (
            {"messaging.message.body.size": 2},
            "delivery-unknown",
        )

    def test_a_defect_ends_the_span_with_its_kind(self) -> None:
        """No span is left open by an error that nobody expected."""

        def fail(_record: Record) -> None:
            raise ZeroDivisionError

        self.inner.publish = fail  # type: ignore[method-assign, assignment]  # the point
        with pytest.raises(ZeroDivisionError):
            self.publisher.publish(RECORD)
        assert self.tracer.spans[0].ended is not None
        assert self.tracer.spans[0].ended[1] == "ZeroDivisionError"

    def test_everything_else_is_the_publishers(self) -> None:
        """Readiness, what waits, and the end, after which the spans are exported."""
        self.inner.reasons, self.inner.waiting = ("kafka: away",), (1, 2)
        assert self.publisher.not_ready() == ("kafka: away",)
        assert self.publisher.pending() == (1, 2)
        self.publisher.close(3)
        assert (self.inner.closed_within_s, self.tracer.closed_with) == (3, 1)


def test_without_tracing_nothing_stands_before_the_publisher() -> None:
    """Off costs nothing."""
    inner = FakePublisher()
    assert trace(inner, NoTracer(), "bids") is inner
    assert isinstance(trace(inner, FakeTracer(), "bids"), TracedPublisher)
