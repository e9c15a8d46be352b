"""What happens to one record: a decision for the sinks, or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

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
from consumer.kafka.record import Carried, Record, UnreadableBatch, carried
from consumer.processing.account import Account
from consumer.processing.deduplication import RecentIds
from consumer.processing.refusals import Refusals
from consumer.processing.timeout import OutOfTimeError, TimeBudget, unlimited
from consumer.runtime import Clock
from consumer.sinks.sink import Acknowledgement, Sink


# a Struct, because there is one for each record: it is made in a fraction of a dataclass's time
class Underway(msgspec.Struct, frozen=True, gc=False):
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
    account: Account
    clock: Clock
    guards: Guards = field(default_factory=Guards)
    tracer: Tracer = field(default_factory=NoTracer)

    def begin(self, record: Record) -> Underway:
        """Decide and submit; raise SinkUnavailableError when that is not possible at present.

        UnavailableAtOnceError says that nothing at all has begun.
        """
        started = self.clock.monotonic()
        self.account.read += 1
        beside = carried(record)
        span = self.tracer.start("process", record.topic, beside.traceparent)
        try:
            self.guards.refusals.check(record)
            outcome = self._decide(record, beside, span)
        except UnprocessableError as error:
            underway = self._bury(record, error, span)
        else:
            underway = self._submit(record, outcome, span)
        self.account.processing_s.append(self.clock.monotonic() - started)
        return underway

    def finish(self, underway: Underway, seconds_left: Callable[[], float]) -> Underway:
        """Wait until the effect is acknowledged and return it; raise SinkUnavailableError."""
        try:
            _wait(underway, seconds_left)
        except SinkRefusedError as error:
            refusal = _refused(error)
            self.guards.refusals.keep(underway.record, refusal)
            if seconds_left() <= 0:
                raise SinkUnavailableError("no time left for a dead letter") from error
            underway = self._bury(underway.record, refusal, underway.span)
            _wait(underway, seconds_left)
        return underway

    def note(self, underway: Underway) -> None:
        """Take a record whose effect is durable to account."""
        self.guards.refusals.drop(underway.record)
        if underway.span.traceparent is not None:
            underway.span.end(*_told(underway))
        match underway.outcome:
            case Decided() as outcome:
                self.account.note_decision(outcome)
            case UnprocessableError() as given_up:
                self.account.note_dead_letter(underway.record, given_up)

    def _decide(self, record: Record, beside: Carried, span: Span) -> Decided:
        if isinstance(record, UnreadableBatch):
            raise UnprocessableError(Reason.UNREADABLE, Stage.READ, record.why)
        request = parse(record.value)
        try:
            with self.guards.budget():
                decision = self.strategy.decide(request)
            outcome = self._decided(record, beside, request, decision, span)
        except OutOfTimeError as error:
            message = "the strategy took longer than CONSUMER_STRATEGY_TIMEOUT_MS"
            raise UnprocessableError(Reason.STRATEGY_TIMEOUT, Stage.DECIDE, message) from error
        except UnprocessableError:
            raise  # the body cannot be read
        except BaseException as error:  # a strategy may raise anything; the record is kept
            message = f"{type(error).__name__}: {error}"
            raise UnprocessableError(Reason.STRATEGY_FAILED, Stage.DECIDE, message) from error

        else:
            self.guards.limit.note_decided(record)
            return outcome

    def _decided(
        self, record: Record, beside: Carried, request: BidRequest, decision: Decision, span: Span
    ) -> Decided:
        original = self.guards.recent.original(record, request.id)
        if original is not None:
            self.account.duplicates += 1
        return decided(
            record,
            request,
            decision,
            self.strategy.name,
            self.clock.epoch_ms(),
            original=original,
            traceparent=span.traceparent,
            beside=beside,
        )

    def _submit(self, record: Record, outcome: Decided, span: Span) -> Underway:
        try:
            return Underway(record, outcome, [sink.submit(outcome) for sink in self.sinks], span)
        except SinkRefusedError as error:
            return self._bury(record, _refused(error), span)

    def _bury(self, record: Record, error: UnprocessableError, span: Span) -> Underway:
        self.guards.limit.note_given_up(record)
        return Underway(record, error, [self.dead_letters.submit(record, error)], span)


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
    for acknowledgement in underway.acknowledgements:
        acknowledgement.wait(seconds_left())


def _refused(error: SinkRefusedError) -> UnprocessableError:
    refused = UnprocessableError(Reason.SINK_REFUSED, Stage.SINK, str(error))
    refused.__cause__ = error
    return refused
