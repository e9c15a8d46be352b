"""What happens to one record: a decision for the sinks, or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from common.logs import get_logger
from common.tracing import Attributes, NoTracer, Span, Tracer
from consumer.bidding.decision import Decision
from consumer.bidding.decision_record import Decided, decided
from consumer.bidding.request import BidRequest, parse
from consumer.bidding.strategy import Strategy
from consumer.dlq.limit import DeadLetterLimit
from consumer.dlq.producer import DeadLetters
from consumer.errors import (
    Reason,
    SinkRefusedError,
    SinkUnavailableError,
    Stage,
    UnprocessableError,
)
from consumer.kafka.record import Record, UnreadableBatch, received_at_ms, trace_id, traceparent_of
from consumer.metrics import ConsumerMetrics
from consumer.processing.deduplication import RecentIds
from consumer.processing.refusals import Refusals
from consumer.processing.timeout import OutOfTimeError, TimeBudget, unlimited
from consumer.runtime import Clock
from consumer.sinks.dropping import DroppingSink
from consumer.sinks.sink import Acknowledgement, Sink

_MS = 1000


@dataclass(frozen=True)
class Underway:
    """A record whose effect has begun: `outcome` says which, `acknowledgements` when it is safe."""

    record: Record
    outcome: Decided | UnprocessableError
    acknowledgements: Sequence[Acknowledgement]
    span: Span


@dataclass(frozen=True)
class Guards:
    """What keeps one record, or one kind of them, from harming the others."""

    budget: TimeBudget = unlimited
    recent: RecentIds = field(default_factory=lambda: RecentIds(most=0))
    limit: DeadLetterLimit = field(default_factory=lambda: DeadLetterLimit(100, 0.5))
    refusals: Refusals = field(default_factory=Refusals)


@dataclass(frozen=True)
class RecordHandler:
    """Begins the effect of a record and finishes it, so that many can be underway at once."""

    strategy: Strategy
    sinks: Sequence[Sink]  # every one gets every decision, and is waited for
    dead_letters: DeadLetters
    metrics: ConsumerMetrics
    clock: Clock
    guards: Guards = field(default_factory=Guards)
    dropping: Sequence[DroppingSink] = ()  # every one is offered what is done
    tracer: Tracer = field(default_factory=NoTracer)
    # bound once: there is a line for each record
    log: FilteringBoundLogger = field(default_factory=get_logger)

    def begin(self, record: Record) -> Underway:
        """Decide and submit; raise SinkUnavailableError when that is not possible at present."""
        started = self.clock.monotonic()
        self.metrics.records.inc()
        span = self.tracer.start("process", record.topic, traceparent_of(record))
        try:
            self.guards.refusals.check(record)
            outcome = self._decide(record, span)
            begun = [sink.submit(outcome) for sink in self.sinks]
            underway = Underway(record, outcome, begun, span)
        except UnprocessableError as error:
            underway = self._bury(record, error, span)
        except SinkRefusedError as error:
            underway = self._bury(record, _refused(error), span)
        self.metrics.processing.observe(self.clock.monotonic() - started)
        return underway

    def finish(self, underway: Underway, seconds_left: Callable[[], float]) -> Underway:
        """Wait until the effect is acknowledged and return it; raise SinkUnavailableError."""
        try:
            _wait(underway, seconds_left)
        except SinkRefusedError as error:
            refusal = _refused(error)
            self.guards.refusals.keep(underway.record, refusal)
            underway = self._bury(underway.record, refusal, underway.span)
            _wait(underway, seconds_left)
        return underway

    def note(self, underway: Underway) -> None:
        """Log and count a record whose effect is durable."""
        self.guards.refusals.drop(underway.record)
        if underway.span.traceparent is not None:
            underway.span.end(*_told(underway))
        match underway.outcome:
            case Decided() as outcome:
                self._note_decision(outcome)
            case UnprocessableError() as given_up:
                self._note_dead_letter(underway.record, given_up)

    def _decide(self, record: Record, span: Span) -> Decided:
        if isinstance(record, UnreadableBatch):
            raise UnprocessableError(Reason.UNREADABLE, Stage.READ, record.why)
        request = parse(record.value)
        try:
            with self.guards.budget():
                decision = self.strategy.decide(request)
            outcome = self._decided(record, request, decision, span)
        except OutOfTimeError as error:
            message = "the strategy took longer than CONSUMER_STRATEGY_TIMEOUT_MS"
            raise UnprocessableError(Reason.STRATEGY_TIMEOUT, Stage.DECIDE, message) from error
        except UnprocessableError:
            raise  # the body cannot be read
        except Exception as error:  # a strategy may raise anything; the record is kept
            message = f"{type(error).__name__}: {error}"
            raise UnprocessableError(Reason.STRATEGY_FAILED, Stage.DECIDE, message) from error

        else:
            self.guards.limit.note_decided(record)
            return outcome

    def _decided(
        self, record: Record, request: BidRequest, decision: Decision, span: Span
    ) -> Decided:
        original = self.guards.recent.original(record, request.id)
        if original is not None:
            self.metrics.duplicates.inc()
        return decided(
            record,
            request,
            decision,
            self.strategy.name,
            self.clock.epoch_ms(),
            original=original,
            traceparent=span.traceparent,
        )

    def _bury(self, record: Record, error: UnprocessableError, span: Span) -> Underway:
        self.guards.limit.note_given_up(record)
        try:
            return Underway(record, error, [self.dead_letters.submit(record, error)], span)
        except SinkRefusedError as refusal:
            raise _no_way_out(refusal) from refusal

    def _note_decision(self, outcome: Decided) -> None:
        latency_ms = self._latency_ms(outcome.record)
        self.metrics.decided(outcome.strategy, outcome.outcome).inc()
        for sink in self.dropping:
            sink.offer(outcome)
        if latency_ms is not None:
            # clocks of two machines differ: a sum must not shrink
            self.metrics.end_to_end.observe(max(latency_ms, 0) / _MS)
        self.log.info(
            "bid decided",
            id=outcome.request.id,
            **_position(outcome.record),
            decision=outcome.outcome,
            strategy=outcome.strategy,
            latency_ms=latency_ms,
            trace_id=trace_id(outcome.record),
        )

    def _note_dead_letter(self, record: Record, error: UnprocessableError) -> None:
        self.metrics.dead_letters.labels(error.reason.value).inc()
        # not the error's words, which can quote the request and a person's data with it
        self.log.warning(
            "bid request dead-lettered",
            **_position(record),
            reason=error.reason.value,
            stage=error.stage.value,
            error=type(error.__cause__ or error).__name__,
            trace_id=trace_id(record),
        )

    def _latency_ms(self, record: Record) -> int | None:
        received = received_at_ms(record)
        return None if received is None else self.clock.epoch_ms() - received


def _told(underway: Underway) -> tuple[Attributes, str]:
    record = underway.record
    about: Attributes = {
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
    }
    match underway.outcome:
        case Decided() as decided:
            return {**about, "rtb.outcome": decided.outcome, "rtb.strategy": decided.strategy}, ""
        case UnprocessableError() as error:
            return about, error.reason.value


def _wait(underway: Underway, seconds_left: Callable[[], float]) -> None:
    try:
        for acknowledgement in underway.acknowledgements:
            acknowledgement.wait(seconds_left())
    except SinkRefusedError as error:
        if isinstance(underway.outcome, UnprocessableError):
            raise _no_way_out(error) from error
        raise


def _refused(error: SinkRefusedError) -> UnprocessableError:
    refused = UnprocessableError(Reason.SINK_REFUSED, Stage.SINK, str(error))
    refused.__cause__ = error
    return refused


def _no_way_out(error: SinkRefusedError) -> SinkUnavailableError:
    # skipping it would lose it: hold the partition until somebody raises the topic's limits
    return SinkUnavailableError(f"a dead letter is refused: {error}")


def _position(record: Record) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
