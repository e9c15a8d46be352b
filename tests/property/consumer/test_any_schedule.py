"""Whatever happens, in whatever order: failures, rebalances, restarts, and time that passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import (
    CommitFailedError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from consumer.errors import MessageRejected, SinkBackpressureError
from consumer.kafka.producer import TopicAwayError
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_troubled import TroubledService

pytestmark = [pytest.mark.promise("never-lost"), pytest.mark.promise("recovers")]

PARTITIONS = [partition(number) for number in range(3)]
ROUNDS_TO_RECOVER = 400  # backoffs end after seconds, and a round can be one record
OF_KAFKA = (KafkaTimeoutError, CommitFailedError, RebalanceInProgressError, UnknownMemberIdError)
OF_SINKS = (SinkBackpressureError, MessageRejected)
OF_PRODUCERS = (KafkaTimeoutError, TopicAwayError, MessageSizeTooLargeError)
Troubles = Mapping[str, tuple[type[Exception], ...]]
ANYWHERE: Troubles = {
    "poll": OF_KAFKA,
    "commit": OF_KAFKA,
    "connect": (KafkaTimeoutError,),
    "send": OF_PRODUCERS,
    "acknowledge": (KafkaTimeoutError, MessageSizeTooLargeError),
}
AT_SINKS: Troubles = {"submit": OF_SINKS, "wait": OF_SINKS}
IN_TRANSACTIONS: Troubles = dict.fromkeys(
    ("offsets", "transaction", "answer", "question"), OF_KAFKA
)
# attempts at these are many in a round, so that some are to succeed in between
MANY = {"send", "acknowledge", "submit", "wait"}

Step = tuple[Any, ...]  # a method of TroubledService, and what it is given


def step(name: str, *given: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Return steps of one kind."""
    return st.tuples(st.just(name), *given)


numbered = st.integers(0, len(PARTITIONS) - 1)
numbers = st.sets(numbered)
kinds = st.sampled_from(("fine", "gap", "rubbish", "failing", "large", "unreadable", "damaged"))
rounds = step("go_round", st.sampled_from((0.0, 0.2, 1.5, 10.0)))
produced = step("produce", numbered, st.lists(st.just("fine") | kinds, max_size=6))
seldom = (
    step("take_away", numbers)
    | step("slow_down", st.lists(st.sampled_from((0.5, 2.0, 6.0, 30.0)), max_size=3))
    | step("rebalance", numbers, st.booleans(), st.booleans())
    | step("mend")
    | step("restart")
)
polls = st.sampled_from((500, 1, 2, 5))


def trouble(what: str, errors: tuple[type[Exception], ...]) -> st.SearchStrategy[Step]:
    """Return what can become of the next attempts at something."""
    ends = (*errors, None) if what in MANY else errors
    return step("trouble", st.just(what), st.lists(st.sampled_from(ends), max_size=4))


def schedules(troubles: Troubles) -> st.SearchStrategy[list[Step]]:
    """Return lists of steps, of which some cause these troubles."""
    troubled = st.one_of(*(trouble(what, errors) for what, errors in troubles.items()))
    steps = st.integers(0, 9).flatmap(
        lambda n: rounds if n < 4 else produced if n < 6 else troubled if n < 8 else seldom
    )
    # a list of its own accord is a handful of steps, too few for troubles to meet
    return st.integers(0, 60).flatmap(lambda n: st.lists(steps, min_size=n, max_size=n))


def check_commits(it: TroubledService) -> None:
    """See that no record before what is committed is without its effect, and how."""
    assert it.broker is None or not it.consumer.commits, "committed beside the transactions"
    durable = {*it.durable}
    for tp, offset in it.consumer.committed_offsets.items():
        before = {(tp.partition, o) for o in it.consumer.offsets(tp, 0, offset)}
        assert before <= durable, "committed without an effect"


def check_order(it: TroubledService) -> None:
    """See that each record comes after those before it in its partition, and none is seen twice."""
    # at least once, an effect may be seen early where the one before it was not acknowledged
    places = it.recorded if it.broker is None else it.durable
    for tp in PARTITIONS:
        offsets = [*dict.fromkeys(offset for number, offset in places if number == tp.partition)]
        assert offsets == sorted(it.consumer.offsets(tp, 0, max(offsets, default=-1) + 1))
    assert it.broker is None or len(places) == len({*places}), "an effect was seen twice"


def check_backlog(it: TroubledService) -> None:
    """See that what is not safe waits in order, and that nothing is paused for another reason."""
    waiting, consumer, durable = it.waiting, it.consumer, {*it.durable}
    for tp, position in consumer.positions.items():
        offsets = waiting.pop(tp.partition, [])
        first = offsets[0] if offsets else position
        assert offsets == sorted(consumer.offsets(tp, first, position))
        assert len(offsets) <= consumer.max_poll_records
        assert {(tp.partition, o) for o in consumer.offsets(tp, 0, first)} <= durable
        held = bool(offsets) or tp in it.service.loop.unreadable.paused
        assert held >= (tp in consumer.paused), "paused for nothing"
        assert (tp in consumer.paused) >= bool(offsets), "read on behind what waits"
    assert not waiting, "records of others wait"


def check(it: TroubledService) -> None:
    """See that all promises hold that hold at any time."""
    check_commits(it)
    check_order(it)
    check_backlog(it)


def unfinished(it: TroubledService) -> list[object]:
    """Return what is left to be done."""
    left: list[object] = [*it.waiting.items(), *it.service.loop.unreadable.paused]
    left += [*it.consumer.paused, *it.service.health.not_ready()]
    for tp in PARTITIONS:
        at, end = it.service.committed.get(tp.partition, 0), len(it.consumer.log[tp.partition])
        left += it.consumer.offsets(tp, at, end)
    return left


def recover(it: TroubledService) -> None:
    """Let all troubles end, and go round until nothing is left to be done."""
    it.end_troubles()
    it.consumer.rebalance(*range(len(PARTITIONS)))
    for _ in range(ROUNDS_TO_RECOVER):
        it.go_round(1.0)
        check(it)
        if not unfinished(it):
            return


def live_through(schedule: list[Step], max_poll_records: int, **given: bool) -> None:
    """Go through a schedule, and see after each step and at the end that all is as promised."""
    consumer = FakeKafkaConsumer(len(PARTITIONS), max_poll_records)
    it = TroubledService(consumer, **given)
    committed: dict[object, int] = {}
    for name, *arguments in schedule:
        getattr(it, name)(*arguments)
        check(it)
        assert all(consumer.committed_offsets[tp] >= was for tp, was in committed.items())
        committed = dict(consumer.committed_offsets)
    recover(it)
    assert unfinished(it) == []


@given(
    schedule=schedules({**ANYWHERE, **AT_SINKS}),
    max_poll_records=polls,
    skip=st.booleans(),
    own_sink=st.booleans(),
)
def test_whatever_happens_every_record_has_its_effect_before_it_is_committed(
    *, schedule: list[Step], max_poll_records: int, skip: bool, own_sink: bool
) -> None:
    """At least once, records have their effects in order, and all is done once troubles end."""
    live_through(schedule, max_poll_records, exactly_once=False, own_sink=own_sink, skip=skip)


@pytest.mark.promise("exactly-once")
@given(
    schedule=schedules({**ANYWHERE, **IN_TRANSACTIONS}), max_poll_records=polls, skip=st.booleans()
)
def test_whatever_happens_every_effect_in_a_transaction_is_seen_once(
    *, schedule: list[Step], max_poll_records: int, skip: bool
) -> None:
    """Exactly once, records have their effects in order, and all is done once troubles end."""
    live_through(schedule, max_poll_records, exactly_once=True, own_sink=False, skip=skip)
