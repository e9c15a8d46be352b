"""Whatever lies on the topic."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.bidding.request import parse
from consumer.bidding.strategies.fixed_price import FixedPrice
from consumer.errors import InvalidMessage
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_troubled import place
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

pytestmark = pytest.mark.promise("never-lost")

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


def given_up(value: bytes | None) -> str | None:
    """Return why a value is no bid request, None when it is one."""
    try:
        parse(value)
    except InvalidMessage as error:
        return error.reason.value
    return None


@given(records)
def test_every_record_is_decided_or_dead_lettered_once_and_committed_once(
    given_records: list[Given],
) -> None:
    """Any bytes end in one of the two topics, by one rule and whole, and are committed once."""
    consumer = FakeKafkaConsumer(PARTITIONS)
    for number, value, key, sent_headers in given_records:
        consumer.add(value, number, key=key, headers=sent_headers)
    service = Wiring(consumer, strategy=FixedPrice(1.0, "USD", "ad"))
    service.go_round(2)
    left = {(record.partition, record.offset): record for log in consumer.log for record in log}
    for sent in service.producer.acknowledged:
        record = left.pop(place(sent))
        assert sent.key == record.key
        reason = given_up(record.value)
        assert sent.topic == (DECISIONS if reason is None else DEAD_LETTERS)
        if reason is not None:
            assert (sent.value or b"") == (record.value or b"")
            assert sent.headers[-7] == ("dlq-reason", reason.encode())
    assert left == {}
    assert service.committed == {n: len(log) for n, log in enumerate(consumer.log) if log}
    assert len(consumer.commits) == bool(given_records)
