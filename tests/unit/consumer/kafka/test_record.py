"""What is read from a record's headers."""

from __future__ import annotations

import pytest

from consumer.kafka.record import header, read_headers
from tests.support.fakes.consumer_records import TRACE, make_record

pytestmark = pytest.mark.promise("counted")


def test_the_last_of_several_headers_counts() -> None:
    """As with Kafka's own clients, later headers win; without one there is no value."""
    record = make_record(headers=[("a", b"1"), ("b", b"2"), ("a", b"3")])
    assert (header(record, "a"), header(record, "c")) == (b"3", None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"1700000000000", 1_700_000_000_000),
        *((value, None) for value in (b"-1", b"1e3", b"9" * 17, None)),
    ],
)
def test_received_at_is_epoch_milliseconds_or_nothing(
    value: bytes | None, expected: int | None
) -> None:
    """Digits of a sane length are a time, all else is none: headers come from outside."""
    assert read_headers(make_record(headers=[("received-at", value)])).received_at_ms == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TRACE, "4bf92f3577b34da6a3ce929d0e0e4736"),
        *((value, None) for value in (b"", b"\xff", b"00-abc-def-01", None)),
    ],
)
def test_a_trace_id_is_the_second_field_of_traceparent(
    value: bytes | None, expected: str | None
) -> None:
    """What is not in the form of W3C Trace Context is left alone."""
    assert read_headers(make_record(headers=[("traceparent", value)])).trace_id == expected
