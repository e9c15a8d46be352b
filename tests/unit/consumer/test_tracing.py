"""A span for each record that is processed, and its place on the decision."""

from __future__ import annotations

from kafka.errors import KafkaTimeoutError

from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import TRACE
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring
from tests.support.fakes.tracer import FakeTracer

HEADERS = [("traceparent", TRACE)]
POSITION = {"messaging.destination.partition.id": "0", "messaging.kafka.offset": 0}


class TestSpans:
    """From the record to its acknowledged effect."""

    def setup_method(self) -> None:
        """Trace a service."""
        self.tracer = FakeTracer()
        self.source = FakeKafkaConsumer()
        self.service = Wiring(self.source, tracer=self.tracer)

    def test_the_decision_is_a_child_of_the_request(self) -> None:
        """Its header names the span, which ended well."""
        self.source.add(b'{"id":"r-1"}', headers=HEADERS)
        self.service.go_round()
        (span,) = self.tracer.spans
        assert span.started == ("process", "bid_requests", TRACE.decode())
        assert span.ended == ({**POSITION, "rtb.outcome": "no_bid", "rtb.strategy": "fake"}, "")
        assert self.service.producer.to(DECISIONS)[0].header("traceparent") == span.traceparent

    def test_a_dead_letter_ends_it_with_its_reason(self) -> None:
        """The letter keeps the headers of the request."""
        self.source.add(b"{", headers=HEADERS)
        self.service.go_round()
        assert self.tracer.spans[0].ended == (POSITION, "not-json")
        letter = self.service.producer.to(DEAD_LETTERS)[0]
        assert letter.header("traceparent") == TRACE.decode()

    def test_a_record_that_is_tried_again_has_a_span_each_time(self) -> None:
        """Only the attempt that came to its end is told of."""
        self.source.add(b'{"id":"r-1"}', headers=HEADERS)
        self.service.producer.failing = lambda _sent: KafkaTimeoutError("away")
        self.service.go_round(2)
        assert [span.ended is None for span in self.tracer.spans] == [True, False]
