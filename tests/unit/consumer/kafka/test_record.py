"""What is read from a record's headers."""

from __future__ import annotations

import pytest

from consumer.kafka.record import header, read_headers
from tests.support.fakes.consumer_records import TRACE, make_record


class TestHeaders:
    """Headers come from outside: only what has the right form counts."""

    def test_the_last_of_several_counts(self) -> None:
        """As with Kafka's own clients, later headers win."""
        assert header(make_record(headers=[("a", b"1"), ("b", b"2"), ("a", b"3")]), "a") == b"3"

    def test_a_missing_one_is_none(self) -> None:
        """No header, no value."""
        assert header(make_record(), "a") is None

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(b"1700000000000", 1_700_000_000_000), (b"-1", None), (b"1e3", None), (b"9" * 17, None)],
    )
    def test_received_at_is_epoch_milliseconds_or_nothing(
        self, value: bytes, expected: int | None
    ) -> None:
        """Digits of a sane length are a time, all else is none."""
        assert (
            read_headers(make_record(headers=[("received-at", value)])).received_at_ms == expected
        )

    def test_without_received_at_there_is_no_time(self) -> None:
        """The header is optional, and its value may be null."""
        assert read_headers(make_record(headers=[("received-at", None)])).received_at_ms is None

    def test_a_trace_id_is_taken_from_traceparent(self) -> None:
        """The second field of the header names the trace."""
        record = make_record(headers=[("traceparent", TRACE)])
        assert read_headers(record).trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"

    @pytest.mark.parametrize("value", [b"", b"\xff", b"00-abc-def-01", None])
    def test_a_malformed_traceparent_names_no_trace(self, value: bytes | None) -> None:
        """What is not in the form of W3C Trace Context is left alone."""
        assert read_headers(make_record(headers=[("traceparent", value)])).trace_id is None
