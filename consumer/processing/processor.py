"""The processing of one record: a decision for the sinks, or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from common.tracing import Attributes, NoTracer, Span, Tracer
from consumer.bidding.decision import Decision
from consumer.bidding.decision_record import DecisionRecord, build_decision_record
from consumer.bidding.request import BidRequest, parse
from consumer.bidding.strategy import Strategy
from consumer.dlq.limit import DlqLimit
from consumer.dlq.producer import DeadLetters
from consumer.errors import (
    InvalidMessage,
    MessageRejected,
    Reason,
    SinkBackpressureError,
    Stage,
)
from consumer.kafka.record import Record, RecordHeaders, UnreadableBatch, read_headers
from consumer.kafka.record_notes import RecordNotes
from consumer.processing.buffered_metrics import BufferedMetrics
from consumer.processing.deduplication import DuplicateDetector
from consumer.processing.timeout import StrategyTimeout, Timeout, no_timeout
from consumer.runtime import Clock
from consumer.sinks.sink import Acknowledgement, Sink


# a Struct, because there is one for each record: it is made in a fraction of a dataclass's time
class InFlight(msgspec.Struct, frozen=True, gc=False):
    """A record whose effect has begun: `outcome` says which, `acknowledgements` when it is safe."""

    record: Record
    outcome: DecisionRecord | InvalidMessage
    acknowledgements: Sequence[Acknowledgement]
    span: Span


class RejectedRecords(RecordNotes[InvalidMessage]):
    """Remembers them until they are dead letters: the next attempt asks the sink no more.

    Within a transaction it must not be asked again: a refusal by the broker ends the transaction,
    and the dead letter that follows from it belongs into another.
    """

    def check(self, record: Record) -> None:
        """Raise what is remembered of this record."""
        if rejected := self.find(record):
            raise rejected


@dataclass(frozen=True)
class Guards:
    """The limits that keep one record, or one kind of them, from harming the others."""

    timeout: Timeout = no_timeout
    duplicates: DuplicateDetector = field(default_factory=lambda: DuplicateDetector(most=0))
    limit: DlqLimit = field(default_factory=lambda: DlqLimit(100, 0.5))
    rejected: RejectedRecords = field(default_factory=RejectedRecords)


@dataclass(frozen=True)
class RecordProcessor:
    """Begins the effect of a record and finishes it, so that many can be in_flight at once."""

    strategy: Strategy
    sinks: Sequence[Sink]  # every one gets every decision, and is waited for
    dead_letters: DeadLetters
    metrics: BufferedMetrics
    clock: Clock
    guards: Guards = field(default_factory=Guards)
    tracer: Tracer = field(default_factory=NoTracer)

    def submit(self, record: Record) -> InFlight:
        """Decide and submit; raise SinkBackpressureError when that is not possible at present.

        PartitionBackpressureError says that nothing at all has begun.
        """
        started = self.clock.monotonic()
        self.metrics.read += 1
        headers = read_headers(record)
        span = self.tracer.start("process", record.topic, headers.traceparent)
        try:
            self.guards.rejected.check(record)
            outcome = self._decide(record, headers, span)
        except InvalidMessage as error:
            in_flight = self._dead_letter(record, error, span)
        else:
            in_flight = self._submit(record, outcome, span)
        self.metrics.processing_s.append(self.clock.monotonic() - started)
        return in_flight

    def join(self, in_flight: InFlight, seconds_left: Callable[[], float]) -> InFlight:
        """Wait until the effect is acknowledged and return it; raise SinkBackpressureError."""
        try:
            _wait(in_flight, seconds_left)
        except MessageRejected as error:
            refusal = _invalid_message(error)
            self.guards.rejected.keep(in_flight.record, refusal)
            if seconds_left() <= 0:
                raise SinkBackpressureError("no time left for a dead letter") from error
            in_flight = self._dead_letter(in_flight.record, refusal, in_flight.span)
            _wait(in_flight, seconds_left)
        return in_flight

    def record(self, in_flight: InFlight) -> None:
        """Take a record whose effect is durable to account."""
        self.guards.rejected.drop(in_flight.record)
        if in_flight.span.traceparent is not None:
            in_flight.span.end(*_end_of_span(in_flight))
        match in_flight.outcome:
            case DecisionRecord() as outcome:
                self.metrics.note_decision(outcome)
            case InvalidMessage() as given_up:
                self.metrics.note_dead_letter(in_flight.record, given_up)

    def _decide(self, record: Record, headers: RecordHeaders, span: Span) -> DecisionRecord:
        if isinstance(record, UnreadableBatch):
            raise InvalidMessage(Reason.UNREADABLE, Stage.READ, record.why)
        request = parse(record.value)
        try:
            with self.guards.timeout():
                decision = self.strategy.decide(request)
            outcome = self._build_decision(record, headers, request, decision, span)
        except StrategyTimeout as error:
            message = "the strategy took longer than CONSUMER_STRATEGY_TIMEOUT_MS"
            raise InvalidMessage(Reason.STRATEGY_TIMEOUT, Stage.DECIDE, message) from error
        except InvalidMessage:
            raise  # the body cannot be read
        except BaseException as error:  # a strategy may raise anything; the record is kept
            message = f"{type(error).__name__}: {error}"
            raise InvalidMessage(Reason.STRATEGY_FAILED, Stage.DECIDE, message) from error

        else:
            self.guards.limit.note_decided(record)
            return outcome

    def _build_decision(
        self,
        record: Record,
        headers: RecordHeaders,
        request: BidRequest,
        decision: Decision,
        span: Span,
    ) -> DecisionRecord:
        first_seen = self.guards.duplicates.first_seen(record, request.id)
        if first_seen is not None:
            self.metrics.duplicates += 1
        return build_decision_record(
            record,
            request,
            decision,
            self.strategy.name,
            self.clock.epoch_ms(),
            first_seen=first_seen,
            traceparent=span.traceparent,
            headers=headers,
        )

    def _submit(self, record: Record, outcome: DecisionRecord, span: Span) -> InFlight:
        try:
            return InFlight(record, outcome, [sink.submit(outcome) for sink in self.sinks], span)
        except MessageRejected as error:
            return self._dead_letter(record, _invalid_message(error), span)

    def _dead_letter(self, record: Record, error: InvalidMessage, span: Span) -> InFlight:
        self.guards.limit.note_given_up(record)
        return InFlight(record, error, [self.dead_letters.submit(record, error)], span)


def _end_of_span(in_flight: InFlight) -> tuple[Attributes, str]:
    record = in_flight.record
    about: Attributes = {
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
    }
    match in_flight.outcome:
        case DecisionRecord() as decided:
            return {**about, "rtb.outcome": decided.outcome, "rtb.strategy": decided.strategy}, ""
        case InvalidMessage() as error:
            return about, error.reason.value


def _wait(in_flight: InFlight, seconds_left: Callable[[], float]) -> None:
    for acknowledgement in in_flight.acknowledgements:
        acknowledgement.wait(seconds_left())


def _invalid_message(error: MessageRejected) -> InvalidMessage:
    refused = InvalidMessage(Reason.SINK_REFUSED, Stage.SINK, str(error))
    refused.__cause__ = error
    return refused
