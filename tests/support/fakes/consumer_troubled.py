"""The bidding logic in a world where all that can fail does so when it is told to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from kafka.errors import MessageSizeTooLargeError

from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.decision_record import DecisionRecord
from consumer.bidding.request import BidRequest
from consumer.errors import SinkBackpressureError
from consumer.kafka.batches import BatchFacts
from consumer.kafka.producer import TopicAwayError
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer, FakeTransactions, Sent
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring
from tests.support.fakes.tracer import FakeTracer

Place = tuple[int, int]  # partition and offset


def place(sent: Sent) -> Place:
    """Return where the record stands that something was sent for."""
    if sent.topic == DEAD_LETTERS:
        return int(sent.header("dlq-partition")), int(sent.header("dlq-offset"))
    about = json.loads(sent.value or b"")["request"]
    return about["partition"], about["offset"]


class TroubledService:
    """One member through all of its restarts, `service` being the process that runs.

    Its methods are what can happen to it. `troubles` has for each thing that is done what the next
    attempts at it end in, None being success; `large` requests make decisions that no topic takes.
    """

    def __init__(
        self, consumer: FakeKafkaConsumer, *, exactly_once: bool, own_sink: bool, skip: bool
    ) -> None:
        self.consumer = consumer
        self.broker = FakeTransactions(consumer) if exactly_once else None
        self.troubles: dict[str, list[Any]] = defaultdict(list)
        self.troubles |= {"poll": consumer.poll_errors, "commit": consumer.commit_errors}
        self.troubles["question"] = consumer.committed_errors
        if self.broker is not None:
            self.troubles["offsets"] = self.broker.offset_errors
            self.troubles["transaction"] = self.broker.commit_errors
            self.troubles["answer"] = self.broker.lost_answers
        self._slow_s: list[float] = []
        self._away: Collection[int] = ()
        self._durable: list[Place] = []
        self._tracer = FakeTracer()
        self._sinks = [FakeSink(self._submit, self._wait)] if own_sink else None
        self._unreadable = "skip" if skip else "hold"
        self.service = self._start()

    @property
    def durable(self) -> Sequence[Place]:
        """Where the records stand whose effects others can see, in the order of the effects."""
        if self.broker is not None:
            self._durable += [place(sent) for sent in self.broker.visible[len(self._durable) :]]
        return self._durable

    @property
    def recorded(self) -> Sequence[Place]:
        """Where the records stand that were counted and logged, in that order: their spans end."""
        ends = [span.ended[0] for span in self._tracer.finished if span.ended]
        position = "messaging.destination.partition.id", "messaging.kafka.offset"
        return [(int(end[position[0]]), int(end[position[1]])) for end in ends]

    @property
    def waiting(self) -> dict[int, list[int]]:
        """The offsets of the backlog."""
        backlog = self.service.loop.backlog._pending  # noqa: SLF001  what is held is told to nobody
        return {tp.partition: [r.offset for r in it.records] for tp, it in backlog.items()}

    def go_round(self, after_s: float) -> None:
        """Let time pass, then go round the poll loop."""
        self.service.go_round(after_s=after_s)

    def produce(self, number: int, kinds: Collection[str]) -> None:
        """Append to a partition what its kinds say; the offsets make the ids unique."""
        log = self.consumer.log[number]
        for kind in kinds:
            at = len(log)
            value = b"rubbish" if kind == "rubbish" else b'{"id":"%s-%d"}' % (kind.encode(), at)
            self.consumer.add(value, number)
            if kind == "gap":
                log[at] = None
            if kind in {"unreadable", "damaged"}:
                facts = BatchFacts(at, at if kind == "damaged" else None)
                self.consumer.unreadable[partition(number), at] = facts

    def trouble(self, what: str, ends: Collection[type[Exception] | None]) -> None:
        """Let the next attempts at something end like this, None being success."""
        self.troubles[what] += [end and end("made up") for end in ends]

    def take_away(self, numbers: Collection[int]) -> None:
        """Let nothing be written that belongs to records of these partitions, and of no others."""
        self._away = numbers

    def slow_down(self, each_s: Collection[float]) -> None:
        """Let the next decisions take this long."""
        self._slow_s += each_s

    def rebalance(self, numbers: Collection[int], *how: bool) -> None:
        """Let the next poll hear that these partitions are this member's."""
        self.consumer.rebalance(*numbers, eager=how[0], lost=how[1])

    def mend(self) -> None:
        """Make everything readable."""
        self.consumer.unreadable.clear()

    def restart(self) -> None:
        """Stop it as a pod is stopped, and let another process begin."""
        self.service.stop.request()
        self.service.go_round()
        self.service.loop.run()
        self.consumer.leave()
        now_s = self.service.time.now_s
        self.service = self._start()
        self.service.time.now_s = now_s

    def end_troubles(self) -> None:
        """Let everything work from now on."""
        for errors in (*self.troubles.values(), self._slow_s):
            errors.clear()
        self._away = ()
        self.mend()

    def _start(self) -> Wiring:
        service = Wiring(
            self.consumer,
            sinks=self._sinks,
            strategy=FakeStrategy(self._decide),
            broker=self.broker,
            tracer=self._tracer,
            CONSUMER_UNREADABLE=self._unreadable,
        )
        make = service.make_producer

        def connect() -> FakeProducer:
            if error := self._next("connect"):
                raise error
            return make()

        service.make_producer = connect
        service.fail(self._refuse)
        service.fail(self._fail, "failing")
        return service

    def _next(self, what: str) -> Exception | None:
        errors = self.troubles[what]
        return errors.pop(0) if errors else None

    def _decide(self, request: BidRequest) -> Decision:
        if self._slow_s:
            self.service.time.sleep(self._slow_s.pop(0))
        if request.id.startswith("failing"):
            raise ValueError(request.id)
        return NoBid()

    def _refuse(self, sent: Sent) -> Exception | None:
        if error := self._next("send"):
            return error
        if place(sent)[0] in self._away:
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
        if decided.record.partition in self._away:
            return SinkBackpressureError("made up")
        self._durable.append((decided.record.partition, decided.record.offset))
        return None
