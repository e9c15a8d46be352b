"""The bidding logic in a world where all that can fail does so when it is told to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from kafka.errors import MessageSizeTooLargeError

from common.tracing import Attributes, Operation
from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.decision_record import DecisionRecord
from consumer.bidding.request import BidRequest
from consumer.errors import SinkBackpressureError
from consumer.kafka.producer import TopicAwayError
from tests.support.fakes.consumer_patchy import PatchyKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer, Sent
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_transactions import FakeTransactions
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring
from tests.support.fakes.tracer import FakeSpan, FakeTracer

Place = tuple[int, int]  # partition and offset


def place(sent: Sent) -> Place:
    """Return where the record stands that something was sent for."""
    if sent.topic == DEAD_LETTERS:
        return int(sent.header("dlq-partition")), int(sent.header("dlq-offset"))
    about = json.loads(sent.value or b"")["request"]
    return about["partition"], about["offset"]


@dataclass
class _Span(FakeSpan):
    accounted: list[Place] = field(default_factory=list)

    def end(self, attributes: Attributes, error: str = "") -> None:
        super().end(attributes, error)
        number = int(attributes["messaging.destination.partition.id"])
        self.accounted.append((number, int(attributes["messaging.kafka.offset"])))


@dataclass
class _Accounts(FakeTracer):
    """Tells in which order records were taken to account: their spans end then."""

    places: list[Place] = field(default_factory=list)

    def start(self, operation: Operation, topic: str, parent: str | None) -> FakeSpan:
        before = super().start(operation, topic, parent)
        return _Span(before.started, before.traceparent, accounted=self.places)


class TroubledService:
    """One member through all of its restarts, `service` being the process that runs.

    `troubles` has for each thing that is done what the next attempts at it end in, None being
    success; `slow_s` how long the next decisions take; `away` the partitions whose decisions and
    dead letters cannot be written. `large` requests make decisions that no topic takes.
    """

    def __init__(
        self, source: PatchyKafkaConsumer, *, exactly_once: bool, own_sink: bool, skip: bool
    ) -> None:
        self.source = source
        self.broker = FakeTransactions(source) if exactly_once else None
        self.troubles: dict[str, list[Exception | None]] = defaultdict(list)
        self.troubles |= {"poll": source.poll_errors, "commit": source.commit_errors}
        if self.broker is not None:
            self.troubles["offsets"] = self.broker.offset_errors
            self.troubles["transaction"] = self.broker.commit_errors
            self.troubles["answer"] = self.broker.lost_answers
            self.troubles["question"] = self.broker.unanswered
        self.slow_s: list[float] = []
        self.away: set[int] = set()
        self.accounted: list[Place] = []
        self._durable: list[Place] = []
        self._sinks = [FakeSink(self._submit, self._wait)] if own_sink else None
        self._skip = skip
        self.service = self._start()

    @property
    def durable(self) -> Sequence[Place]:
        """Where the records stand whose effects others can see, in the order of the effects."""
        if self.broker is not None:
            self._durable += [place(sent) for sent in self.broker.visible[len(self._durable) :]]
        return self._durable

    @property
    def waiting(self) -> dict[int, list[int]]:
        """The offsets of the backlog."""
        backlog = self.service.backlog._pending  # noqa: SLF001  what is held is told to nobody
        return {tp.partition: [r.offset for r in it.records] for tp, it in backlog.items()}

    def restart(self) -> None:
        """Stop it as a pod is stopped, and let another process begin."""
        self.service.stop.request()
        self.service.go_round()
        self.service.loop.run()
        self.source.leave()
        now_s = self.service.time.now_s
        self.service = self._start()
        self.service.time.now_s = now_s

    def end_troubles(self) -> None:
        """Let everything work from now on."""
        for errors in self.troubles.values():
            errors.clear()
        self.slow_s.clear()
        self.away.clear()
        self.source.unreadable.clear()

    def _start(self) -> Wiring:
        service = Wiring(
            self.source,
            sinks=self._sinks,
            strategy=FakeStrategy(self._decide),
            broker=self.broker,
            tracer=_Accounts(places=self.accounted),
            skip=self._skip,
        )
        service.make_producer = self._connect
        self._trouble(service.producer)
        return service

    def _connect(self) -> FakeProducer:
        if error := self._next("connect"):
            raise error
        producer = FakeProducer() if self.broker is None else self.broker.begin()
        self._trouble(producer)
        return producer

    def _trouble(self, producer: FakeProducer) -> None:
        producer.refusing, producer.failing = self._refuse, self._fail

    def _next(self, what: str) -> Exception | None:
        errors = self.troubles[what]
        return errors.pop(0) if errors else None

    def _decide(self, request: BidRequest) -> Decision:
        if self.slow_s:
            self.service.time.sleep(self.slow_s.pop(0))
        if request.id.startswith("failing"):
            raise ValueError(request.id)
        return NoBid()

    def _refuse(self, sent: Sent) -> Exception | None:
        if error := self._next("send"):
            return error
        if place(sent)[0] in self.away:
            return TopicAwayError("made up")
        large = sent.topic == DECISIONS and b'"large-' in (sent.value or b"")
        return MessageSizeTooLargeError("made up") if large else None

    def _fail(self, sent: Sent) -> Exception | None:
        error = self._next("acknowledge")
        if error is None and self.broker is None:
            self._durable.append(place(sent))
        return error

    def _submit(self, _decided: DecisionRecord) -> Exception | None:
        return self._next("submit")

    def _wait(self, decided: DecisionRecord) -> Exception | None:
        if error := self._next("wait"):
            return error
        if decided.record.partition in self.away:
            return SinkBackpressureError("made up")
        self._durable.append((decided.record.partition, decided.record.offset))
        return None
