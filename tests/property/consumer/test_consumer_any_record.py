"""Whatever lies on the topic, and whatever fails meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.errors import CommitFailedError, KafkaError, KafkaTimeoutError

from consumer.bidding.request import parse
from consumer.bidding.strategies.fixed_price import FixedPrice
from consumer.errors import InvalidMessage
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer, Sent
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

PARTITIONS = 3
# partition, value, key, headers
Given = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
imps = st.fixed_dictionaries(
    {"id": st.text(max_size=4) | json_values},
    optional={"bidfloor": json_values, "bidfloorcur": json_values, "pmp": json_values},
)
requests = st.fixed_dictionaries(
    {"id": st.text(max_size=8)},
    optional={"imp": st.lists(imps, max_size=4) | json_values, "cur": json_values},
).map(lambda body: json.dumps(body).encode())
values = st.none() | st.binary() | json_values.map(lambda v: json.dumps(v).encode()) | requests
names = st.text(st.characters(codec="utf-8"), max_size=8)
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=8)), max_size=3)
records = st.lists(
    st.tuples(st.integers(0, PARTITIONS - 1), values, st.none() | st.binary(max_size=8), headers),
    max_size=20,
)


def service_over(
    given_records: list[Given],
    max_poll_records: int = 500,
) -> Wiring:
    """Wire a service over these records."""
    source = FakeKafkaConsumer(PARTITIONS, max_poll_records)
    for number, value, key, record_headers in given_records:
        source.add(value, number, key=key, headers=record_headers)
    return Wiring(source, strategy=FixedPrice(1.0, "USD", "ad"))


def position(sent: Sent) -> tuple[int, int]:
    """Return partition and offset of the record that something was sent for."""
    if sent.topic == DEAD_LETTERS:
        return int(sent.headers[-3][1]), int(sent.headers[-2][1])
    assert sent.value is not None
    about = json.loads(sent.value)["request"]
    return about["partition"], about["offset"]


def positions(service: Wiring) -> list[tuple[int, int]]:
    """Return the positions of all acknowledged effects, in the order in which they were sent."""
    return [position(sent) for producer in service.producers for sent in producer.acknowledged]


def everything(service: Wiring) -> set[tuple[int, int]]:
    """Return the positions of all records."""
    return {(tp.partition, r.offset) for tp, log in service.source.log.items() for r in log}


def ends(service: Wiring) -> dict[object, int]:
    """Return the offsets that a finished service has committed."""
    return {tp: len(log) for tp, log in service.source.log.items() if log}


def given_up(value: bytes | None) -> str | None:
    """Return why a value is no bid request, None when it is one."""
    try:
        parse(value)
    except InvalidMessage as error:
        return error.reason.value
    return None


@settings(deadline=None)
@given(records)
def test_every_record_is_decided_or_dead_lettered_once_and_committed_once(
    given_records: list[Given],
) -> None:
    """Any bytes end in exactly one of the two topics, whole, and are committed exactly once."""
    service = service_over(given_records)
    service.go_round(2)
    assert Counter(positions(service)) == Counter(everything(service))
    assert service.source.committed == ends(service)
    assert len(service.source.commits) == (1 if given_records else 0)


@settings(deadline=None)
@given(records)
def test_what_is_decided_is_what_can_be_parsed(
    given_records: list[Given],
) -> None:
    """The two topics divide the records by one rule, and dead letters keep key and value."""
    service = service_over(given_records)
    service.go_round()
    for sent in service.producer.acknowledged:
        number, offset = position(sent)
        record = service.source.log[partition(number)][offset]
        assert sent.key == record.key
        reason = given_up(record.value)
        assert sent.topic == (DECISIONS if reason is None else DEAD_LETTERS)
        if reason is not None:
            assert (sent.value or b"") == (record.value or b"")
            assert sent.headers[-7] == ("dlq-reason", reason.encode())


class Flaky(FakeProducer):
    """A producer that fails as a list says, then no more."""

    outages: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.refusing = lambda _sent: self._next("refuse")
        self.failing = lambda _sent: self._next("fail")

    def _next(self, kind: str) -> KafkaError | None:
        if self.outages and self.outages[0] in (kind, "ok"):
            return KafkaTimeoutError(kind) if self.outages.pop(0) == kind else None
        return None


@settings(deadline=None)
@given(
    records,
    st.lists(st.sampled_from(["ok", "refuse", "fail"]), max_size=30),
    st.lists(st.sampled_from([KafkaTimeoutError, CommitFailedError]), max_size=4),
    st.lists(st.integers(1, 60), max_size=4),
    st.integers(1, 7),
)
def test_failures_delay_and_repeat_but_never_lose_or_reorder(
    given_records: list[Given],
    outages: list[str],
    commit_errors: list[type[KafkaError]],
    rebalances: list[int],
    max_poll_records: int,
) -> None:
    """With sinks, commits and the group failing at will, no record is lost or overtaken."""

    class ThisFlaky(Flaky):
        pass

    ThisFlaky.outages = list(outages)
    service = service_over(given_records, max_poll_records)
    service.make_producer = ThisFlaky
    service.producer.refusing = lambda _sent: KafkaTimeoutError("the first producer never works")
    source = service.source
    source.commit_errors = [error("commit") for error in commit_errors]
    source.on_poll = lambda n: source.rebalance(tuple(source.log)) if n in rebalances else None
    committed: list[dict[object, int]] = []
    for _ in range(120):
        service.go_round()
        committed.append(dict(source.committed))

    assert set(positions(service)) == everything(service)
    assert source.committed == ends(service)
    for before, after in pairwise(committed):
        assert all(after[tp] >= offset for tp, offset in before.items())
    for number in range(PARTITIONS):
        first_seen = dict.fromkeys(o for p, o in positions(service) if p == number)
        skipping = [o for o in first_seen if o > 0 and o - 1 not in first_seen]
        assert skipping == []
