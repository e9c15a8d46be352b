"""A span for each record that is sent, and its place on the record."""

from __future__ import annotations

import pytest

from app.kafka.publisher import Record
from app.kafka.traced_publisher import TracedPublisher, trace
from app.problems import DeliveryUnknown
from common.tracing import NoTracer
from tests.support.fakes.publisher import FakePublisher
from tests.support.fakes.tracer import FakeTracer

pytestmark = pytest.mark.promise("observable")

GIVEN = f"00-{'a' * 32}-{'b' * 16}-01"
RECORD = Record(b"r-1", b"{}", (("traceparent", GIVEN.encode()), ("content-type", b"json")))
SIZE = {"messaging.message.body.size": 2}


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
        (sent,) = self.inner.records
        assert span.started == ("send", "bids", GIVEN)
        assert span.traceparent is not None
        parent = ("traceparent", span.traceparent.encode())
        assert sent == Record(b"r-1", b"{}", (("content-type", b"json"), parent))
        place = {"messaging.destination.partition.id": "0", "messaging.kafka.offset": at.offset}
        assert span.ended == (SIZE | place, "")

    @pytest.mark.parametrize(
        ("error", "code"),
        [(DeliveryUnknown("late"), "delivery-unknown"), (ZeroDivisionError(), "ZeroDivisionError")],
    )
    def test_an_error_ends_the_span_with_its_name(self, error: Exception, code: str) -> None:
        """It goes on as it is, and no span is left open, by one that nobody expected either."""
        self.inner.refuses_with = error
        with pytest.raises(type(error)):
            self.publisher.publish(RECORD)
        assert self.tracer.spans[0].ended == (SIZE, code)

    def test_everything_else_is_the_publishers(self) -> None:
        """Readiness, what waits, and the end, after which the spans are exported."""
        self.inner.reasons, self.inner.waiting = ("kafka: away",), (1, 2)
        assert (self.publisher.not_ready(), self.publisher.pending()) == (("kafka: away",), (1, 2))
        self.publisher.close(3)
        assert (self.inner.closed_within_s, self.tracer.closed_with) == (3, 1)


def test_without_tracing_nothing_stands_before_the_publisher() -> None:
    """Off costs nothing."""
    inner = FakePublisher()
    assert trace(inner, NoTracer(), "bids") is inner
    assert isinstance(trace(inner, FakeTracer(), "bids"), TracedPublisher)
