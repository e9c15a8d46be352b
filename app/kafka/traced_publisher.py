"""A publisher that makes a span of each record, and puts it on the record as its parent."""

from __future__ import annotations

from dataclasses import replace

from app.kafka.publisher import Acknowledged, Publisher, Record
from app.problems import Problem
from common import traceparent
from common.tracing import Attributes, NoTracer, Tracer

_EXPORT_S = 1.0  # of the margin that the arbiter leaves a worker


def trace(publisher: Publisher, tracer: Tracer, topic: str) -> Publisher:
    """Return the publisher itself where nothing is traced."""
    if isinstance(tracer, NoTracer):
        return publisher
    return TracedPublisher(publisher, tracer, topic)


class TracedPublisher:
    """Stands before another publisher; what is decided on a record becomes a child of its span."""

    def __init__(self, publisher: Publisher, tracer: Tracer, topic: str) -> None:
        self._publisher = publisher
        self._tracer = tracer
        self._topic = topic
        self.not_ready = publisher.not_ready
        self.pending = publisher.pending
        self.oldest_s = publisher.oldest_s
        self.stuck_s = publisher.stuck_s
        self.start = publisher.start

    def publish(self, record: Record) -> Acknowledged:
        """Do as the publisher does."""
        parent = dict(record.headers).get(traceparent.NAME, b"").decode()
        span = self._tracer.start("send", self._topic, parent)
        attributes: Attributes = {"messaging.message.body.size": len(record.value)}
        try:
            at = self._publisher.publish(_with_parent(record, span.traceparent))
        except Problem as problem:
            span.end(attributes, problem.code)
            raise
        except BaseException as error:
            span.end(attributes, type(error).__name__)
            raise
        position: Attributes = {
            "messaging.destination.partition.id": str(at.partition),
            "messaging.kafka.offset": at.offset,
        }
        span.end({**attributes, **position})
        return at

    def close(self, timeout_s: float) -> None:
        """Close the publisher, then export what has ended."""
        self._publisher.close(timeout_s)
        self._tracer.close(_EXPORT_S)


def _with_parent(record: Record, parent: str | None) -> Record:
    if parent is None:
        return record
    others = tuple(header for header in record.headers if header[0] != traceparent.NAME)
    return replace(record, headers=(*others, (traceparent.NAME, parent.encode())))
