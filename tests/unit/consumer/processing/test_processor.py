"""One record: decided or dead-lettered, counted and logged once it is safe."""

from __future__ import annotations

import json
from asyncio import CancelledError
from typing import Any, cast

import pytest
from kafka.errors import KafkaTimeoutError
from structlog.testing import capture_logs

from consumer.bidding.decision import Bid, Bids, Decision
from consumer.bidding.decision_record import DecisionRecord
from consumer.bidding.request import BidRequest
from consumer.bidding.strategies.fixed_price import FixedPrice
from consumer.bidding.strategy import Strategy
from consumer.errors import InvalidMessage, MessageRejected, Reason, SinkBackpressureError
from consumer.processing.processor import InFlight
from consumer.sinks.sink import Sink
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import TRACE, make_record
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

PERSONAL = "203.0.113.9"
HEADERS: list[tuple[str, bytes | None]] = [
    ("content-type", b"application/json"),
    ("received-at", b"1699999999750"),
    ("traceparent", TRACE),
]


def wired(strategy: Strategy | None = None, sinks: list[Sink] | None = None) -> Wiring:
    """Wire a service that nothing is polled by."""
    return Wiring(FakeKafkaConsumer(), strategy=strategy, sinks=sinks)


def five_s() -> float:
    """Leave five seconds."""
    return 5


def handle(service: Wiring, **fields: Any) -> tuple[InFlight, list[Any]]:  # noqa: ANN401  make_record has them typed
    """Begin and finish one record and return what was logged."""
    record = make_record(**{"headers": HEADERS, "offset": 7, **fields})
    with capture_logs() as logged:
        underway = service.handler.submit(record)
        service.handler.record(service.handler.join(underway, five_s))
        service.account.flush()
    return underway, logged


class TestDecided:
    """A bid request gets a decision."""

    def test_the_decision_is_published_keyed_alike(self) -> None:
        """Key, trace and time of receipt are those of the request; the value says which it is."""
        service = wired()
        handle(service)
        (sent,) = service.producer.to(DECISIONS)
        assert sent.key == b"r-1"
        assert sent.headers == [
            ("content-type", b"application/json"),
            ("traceparent", TRACE),
            ("received-at", b"1699999999750"),
        ]
        assert sent.value is not None
        assert json.loads(sent.value)["request"]["offset"] == 7

    def test_headers_that_are_missing_stay_missing(self) -> None:
        """Only what was there is carried over."""
        service = wired()
        handle(service, headers=())
        assert service.producer.to(DECISIONS)[0].headers == [("content-type", b"application/json")]

    def test_it_is_logged_with_its_position_and_latency(self) -> None:
        """One line holds the id, the position, the decision and the time since receipt."""
        _, logged = handle(wired())
        assert logged == [
            {
                "event": "bid decided",
                "log_level": "info",
                "id": "r-1",
                "topic": "bid_requests",
                "partition": 0,
                "offset": 7,
                "decision": "no_bid",
                "strategy": "fake",
                "latency_ms": 250,
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        ]

    def test_it_is_counted(self) -> None:
        """Records, decisions and both durations are counted once."""
        service = wired(FakeStrategy(lambda _request: Bids((Bid("1", 1.0, "ad"),))))
        handle(service)
        assert service.value("consumer_records_total") == 1
        assert service.value("consumer_decisions_total", strategy="fake", outcome="bid") == 1
        assert service.value("consumer_processing_seconds_count") == 1
        assert service.value("consumer_end_to_end_seconds_sum") == 0.25

    def test_an_unknown_time_of_receipt_is_no_latency(self) -> None:
        """Without received-at the line says null and nothing is observed."""
        service = wired()
        _, logged = handle(service, headers=())
        assert logged[0]["latency_ms"] is None
        assert service.value("consumer_end_to_end_seconds_count") == 0

    def test_a_clock_that_is_ahead_does_not_shrink_the_sum(self) -> None:
        """A request from the future counts as received now."""
        service = wired()
        handle(service, headers=[("received-at", b"1700000009000")])
        assert service.value("consumer_end_to_end_seconds_sum") == 0

    def test_every_sink_gets_every_decision(self) -> None:
        """Sinks are independent of each other."""
        sinks = [FakeSink(), FakeSink()]
        handle(wired(sinks=[*sinks]))
        assert [sink.offsets() for sink in sinks] == [[7], [7]]


def fail(_request: BidRequest) -> Decision:
    """Fail in the way of a strategy that quotes its input."""
    raise LookupError(f"no campaign for {PERSONAL}")


class TestDeadLetters:
    """What cannot be processed is kept, with its reason."""

    def test_the_record_is_kept_with_why_and_where_from(self) -> None:
        """Key, value and headers are the original ones, the added ones tell the story."""
        service = wired()
        handle(service, value=b"{", key=b"\xff")
        (sent,) = service.producer.to(DEAD_LETTERS)
        assert (sent.key, sent.value) == (b"\xff", b"{")
        assert sent.headers[: len(HEADERS)] == HEADERS
        told = {name: value.decode() for name, value in sent.headers[len(HEADERS) :]}
        assert told.pop("dlq-error").startswith("JSONDecodeError: ")
        assert told == {
            "dlq-reason": "not-json",
            "dlq-stage": "decode",
            "dlq-topic": "bid_requests",
            "dlq-partition": "0",
            "dlq-offset": "7",
            "dlq-timestamp": "1700000000007",
        }

    def test_a_body_that_cannot_be_read_is_no_fault_of_the_strategys(self) -> None:
        """The reason is not-json, wherever that turns up."""
        service = wired(FixedPrice(1.0, "USD", "ad"))
        handle(service, value=b'{"id":"r-1","x":' + b"9" * 5_000 + b"}")
        (sent,) = service.producer.to(DEAD_LETTERS)
        assert sent.header("dlq-reason") == "not-json"

    def test_a_strategy_that_raises_costs_one_request_not_the_service(self) -> None:
        """The error is kept with the record, type and words."""
        service = wired(FakeStrategy(fail))
        handle(service)
        (sent,) = service.producer.to(DEAD_LETTERS)
        assert sent.header("dlq-reason") == "strategy-failed"
        assert sent.header("dlq-error") == f"LookupError: no campaign for {PERSONAL}"

    @pytest.mark.parametrize("error", [SystemExit(0), CancelledError(), GeneratorExit()])
    def test_whatever_a_strategy_raises_costs_one_request(self, error: BaseException) -> None:
        """Also what is no Exception: it must not end the process, again and again."""

        def decide(_request: BidRequest) -> Decision:
            raise error

        underway, _ = handle(wired(FakeStrategy(decide)))
        assert isinstance(underway.outcome, InvalidMessage)
        assert underway.outcome.reason is Reason.STRATEGY_FAILED

    def test_bids_that_are_made_while_they_are_read_are_none(self) -> None:
        """They would be made outside of the strategy's time, and without an end."""
        bids: Any = (Bid("1", 1.0, "ad") for _ in range(3))
        underway, _ = handle(wired(FakeStrategy(lambda _request: Bids(bids))))
        assert isinstance(underway.outcome, InvalidMessage)
        assert underway.outcome.reason is Reason.STRATEGY_FAILED

    def test_a_strategy_that_decides_nothing_counts_as_failed(self) -> None:
        """A decision that cannot be written is an error of the strategy."""
        service = wired(FakeStrategy(lambda _request: cast("Decision", None)))
        handle(service)
        assert service.producer.to(DEAD_LETTERS)[0].header("dlq-stage") == "decide"

    def test_it_is_logged_without_words_that_may_quote_the_request(self) -> None:
        """The log names position, reason and kind of error, and no personal data."""
        _, logged = handle(wired(FakeStrategy(fail)))
        assert logged == [
            {
                "event": "bid request dead-lettered",
                "log_level": "warning",
                "topic": "bid_requests",
                "partition": 0,
                "offset": 7,
                "reason": "strategy-failed",
                "stage": "decide",
                "error": "LookupError",
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        ]
        assert PERSONAL not in str(logged)

    def test_it_is_counted_by_reason_and_not_as_a_decision(self) -> None:
        """A dead letter is no decision."""
        service = wired()
        handle(service, value=b"[]")
        assert service.value("consumer_dead_letters_total", reason="not-an-object") == 1
        assert service.value("consumer_decisions_total", strategy="fake", outcome="no_bid") is None

    def test_an_error_without_a_cause_is_logged_by_its_own_kind(self) -> None:
        """A missing id was raised by nothing else."""
        _, logged = handle(wired(), value=b"{}")
        assert logged[0]["error"] == InvalidMessage.__name__

    def test_a_record_without_key_and_value_is_kept_as_an_empty_one(self) -> None:
        """kafka-python sends no record that has neither; the headers still say where it lies."""
        service = wired()
        handle(service, key=None, value=None)
        (sent,) = service.producer.to(DEAD_LETTERS)
        assert (sent.key, sent.value, sent.header("dlq-offset")) == (None, b"", "7")

    def test_null_header_values_are_kept_as_empty_ones(self) -> None:
        """kafka-python writes no null there."""
        service = wired()
        handle(service, value=b"{", headers=[("x", None)])
        assert service.producer.to(DEAD_LETTERS)[0].header("x") == ""

    def test_long_errors_and_odd_characters_fit_into_a_header(self) -> None:
        """The words are cut short and escaped where UTF-8 has no form for them."""

        def raise_long(_request: BidRequest) -> Decision:
            raise ValueError("\ud800" + "x" * 9_000)

        service = wired(FakeStrategy(raise_long))
        handle(service)
        error = service.producer.to(DEAD_LETTERS)[0].header("dlq-error")
        assert error.startswith("ValueError: \\ud800xxx")
        assert len(error) < 600


def refuse(_decided: DecisionRecord) -> Exception:
    """Refuse a decision."""
    return MessageRejected("too large")


class TestRefusals:
    """What a sink will never take becomes a dead letter; what it cannot take now does not."""

    @pytest.mark.parametrize("sink", [FakeSink(at_submit=refuse), FakeSink(at_wait=refuse)])
    def test_a_refused_decision_is_a_dead_letter(self, sink: FakeSink) -> None:
        """Whether it is refused at once or later, the request is kept."""
        service = wired(sinks=[sink])
        _, logged = handle(service)
        (sent,) = service.producer.to(DEAD_LETTERS)
        assert (sent.value, sent.header("dlq-reason")) == (b'{"id":"r-1"}', "sink-refused")
        assert (sent.header("dlq-stage"), sent.header("dlq-error")) == ("sink", "too large")
        assert logged[0]["error"] == "MessageRejected"

    def test_an_unavailable_sink_gives_no_dead_letter(self) -> None:
        """An outage must not empty the topic into the dead letters."""
        service = wired(sinks=[FakeSink(at_wait=lambda _decided: SinkBackpressureError("away"))])
        with pytest.raises(SinkBackpressureError, match="away"):
            handle(service)
        assert service.producer.sent == []

    def test_an_unacknowledged_dead_letter_is_unavailability(self) -> None:
        """Dead letters are waited for like decisions."""
        service = wired()
        service.producer.failing = lambda _sent: KafkaTimeoutError("late")
        with pytest.raises(SinkBackpressureError, match="late"):
            handle(service, value=b"{")
        assert service.value("consumer_dead_letters_total", reason="not-json") is None
