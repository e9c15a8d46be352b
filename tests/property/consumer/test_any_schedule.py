"""Whatever happens, in whatever order: failures, rebalances, restarts, and time that passes."""

from __future__ import annotations

from collections.abc import Mapping

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
from tests.support.fakes.consumer_patchy import PatchyKafkaConsumer
from tests.support.fakes.consumer_schedule import (
    Away,
    Mend,
    Produce,
    Rebalance,
    Restart,
    Round,
    Slow,
    Step,
    Trouble,
)
from tests.support.fakes.consumer_troubled import TroubledService

PARTITIONS = 3
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

numbers = st.sets(st.integers(0, PARTITIONS - 1))
kinds = st.sampled_from(("fine", "gap", "rubbish", "failing", "large", "unreadable", "damaged"))
rounds = st.builds(Round, st.sampled_from((0.0, 0.2, 1.5, 10.0)))
produced = st.builds(
    Produce, st.integers(0, PARTITIONS - 1), st.lists(st.just("fine") | kinds, max_size=6)
)
seldom = (
    st.builds(Away, numbers)
    | st.builds(Slow, st.lists(st.sampled_from((0.5, 2.0, 6.0, 30.0)), max_size=3))
    | st.builds(Rebalance, numbers, st.booleans(), st.booleans())
    | st.just(Mend())
    | st.just(Restart())
)
polls = st.sampled_from((500, 1, 2, 5))


def trouble(at: str, errors: tuple[type[Exception], ...]) -> st.SearchStrategy[Trouble]:
    """Return what can become of the next attempts at something."""
    ends = (*errors, None) if at in MANY else errors
    return st.builds(Trouble, st.just(at), st.lists(st.sampled_from(ends), max_size=4))


def schedules(troubles: Troubles) -> st.SearchStrategy[list[Step]]:
    """Return lists of steps, of which some cause these troubles."""
    troubled = st.one_of(*(trouble(at, errors) for at, errors in troubles.items()))
    step = st.integers(0, 9).flatmap(
        lambda n: rounds if n < 4 else produced if n < 6 else troubled if n < 8 else seldom
    )
    # a list of its own accord is a handful of steps, too few for troubles to meet
    return st.integers(0, 60).flatmap(lambda n: st.lists(step, min_size=n, max_size=n))


def check_commits(it: TroubledService) -> None:
    """See that no record before what is committed is without its effect."""
    durable = {*it.durable}
    for tp, offset in it.source.committed.items():
        before = {(tp.partition, o) for o in it.source.offsets(tp, 0, offset)}
        assert before <= durable, "committed without an effect"


def check_order(it: TroubledService) -> None:
    """See that each record comes after those before it in its partition, and none is seen twice."""
    # at least once, an effect may be seen early where the one before it was not acknowledged
    places = it.accounted if it.broker is None else it.durable
    for tp in it.source.log:
        offsets = [*dict.fromkeys(offset for number, offset in places if number == tp.partition)]
        assert offsets == sorted(it.source.offsets(tp, 0, max(offsets, default=-1) + 1))
    assert it.broker is None or len(places) == len({*places}), "an effect was seen twice"


def check_backlog(it: TroubledService) -> None:
    """See that what is not safe waits in order, and that nothing is paused for another reason."""
    waiting, source, durable = it.waiting, it.source, {*it.durable}
    for tp, position in source.positions.items():
        offsets = waiting.pop(tp.partition, [])
        first = offsets[0] if offsets else position
        assert offsets == sorted(source.offsets(tp, first, position))
        assert len(offsets) <= source.max_poll_records
        assert {(tp.partition, o) for o in source.offsets(tp, 0, first)} <= durable
        held = bool(offsets) or tp in it.service.loop.unreadable.paused
        assert held >= (tp in source.paused), "paused for nothing"
        assert (tp in source.paused) >= bool(offsets), "read on behind what waits"
    assert not waiting, "records of others wait"


def check(it: TroubledService) -> None:
    """See that all promises hold that hold at any time."""
    check_commits(it)
    check_order(it)
    check_backlog(it)


def unfinished(it: TroubledService) -> list[object]:
    """Return what is left to be done."""
    left: list[object] = [*it.waiting.items(), *it.service.loop.unreadable.paused]
    left += [*it.source.paused, *it.service.health.not_ready()]
    for tp, log in it.source.log.items():
        left += it.source.offsets(tp, it.source.committed.get(tp, 0), len(log))
    return left


def recover(it: TroubledService) -> None:
    """Let all troubles end, and go round until nothing is left to be done."""
    it.end_troubles()
    it.source.rebalance([*it.source.log])
    for _ in range(ROUNDS_TO_RECOVER):
        Round(1.0).on(it)
        check(it)
        if not unfinished(it):
            return


def live_through(it: TroubledService, schedule: list[Step]) -> None:
    """Go through a schedule, and see after each step and at the end that all is as promised."""
    committed: dict[object, int] = {}
    for one in schedule:
        one.on(it)
        check(it)
        assert all(it.source.committed[tp] >= was for tp, was in committed.items())
        committed = dict(it.source.committed)
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
    source = PatchyKafkaConsumer(PARTITIONS, max_poll_records)
    it = TroubledService(source, exactly_once=False, own_sink=own_sink, skip=skip)
    live_through(it, schedule)


@given(
    schedule=schedules({**ANYWHERE, **IN_TRANSACTIONS}), max_poll_records=polls, skip=st.booleans()
)
def test_whatever_happens_every_effect_in_a_transaction_is_seen_once(
    *, schedule: list[Step], max_poll_records: int, skip: bool
) -> None:
    """Exactly once, records have their effects in order, and all is done once troubles end."""
    source = PatchyKafkaConsumer(PARTITIONS, max_poll_records)
    it = TroubledService(source, exactly_once=True, own_sink=False, skip=skip)
    live_through(it, schedule)
