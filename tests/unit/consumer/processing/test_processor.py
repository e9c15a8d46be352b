"""One record: decided or dead-lettered, counted and logged once it is safe."""

from __future__ import annotations

import json
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError
from structlog.testing import capture_logs

from consumer.bidding.decision import Bid, Bids, Decision
from consumer.bidding.request import BidRequest
from consumer.bidding.strategies.fixed_price import FixedPrice
from consumer.errors import MessageRejected, SinkBackpressureError
from tests.support.fakes.consumer_records import TRACE
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, REQUEST, Wiring

PERSONAL = "203.0.113.9"
HEADERS: Sequence[tuple[str, bytes | None]] = [
    ("content-type", b"application/json"),
    ("received-at", b"1699999999750"),
    ("traceparent", TRACE),
]
POSITION = {"topic": "bid_requests", "partition": 0, "offset": 1}
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def handle(value: bytes = REQUEST, headers: Any = HEADERS, **given: Any) -> tuple[Wiring, Any]:  # noqa: ANN401  as Wiring has them
    """Return a service that has gone round with one record, and the lines that it logged."""
    service = Wiring.over([], **given)
    service.consumer.log[0].append(None)
    service.consumer.add(value, key=b"\xff", headers=headers)
    with capture_logs() as logged:
        service.go_round()
    return service, [line for line in logged if "bid" in line["event"]]


@pytest.mark.promise("counted")
class TestDecided:
    """A bid request gets a decision."""

    def test_it_is_published_keyed_alike_logged_and_counted_once(self) -> None:
        """Key, trace and time of receipt are those of the request; the value says which it is."""
        service, logged = handle(strategy=FixedPrice(1.0, "USD", "ad"))
        (sent,) = service.producer.to(DECISIONS)
        assert sent.key == b"\xff"
        assert {*sent.headers} == {*HEADERS}
        assert json.loads(sent.value or b"")["request"] == {"id": "r-1", **POSITION}
        assert logged == [
            {
                "event": "bid decided",
                "log_level": "info",
                "id": "r-1",
                **POSITION,
                "decision": "no_bid",
                "strategy": "fixed_price",
                "latency_ms": 250,
                "trace_id": TRACE_ID,
            }
        ]
        labels = {"strategy": "fixed_price", "outcome": "no_bid"}
        assert service.value("consumer_records_total") == 1
        assert service.value("consumer_decisions_total", **labels) == 1
        assert service.value("consumer_processing_seconds_count") == 1
        assert service.value("consumer_end_to_end_seconds_sum") == 0.25

    def test_what_is_not_known_of_the_request_stays_unknown(self) -> None:
        """Headers that are missing are not made up, and nothing is observed of a latency."""
        service, logged = handle(headers=())
        assert service.producer.to(DECISIONS)[0].headers == [("content-type", b"application/json")]
        assert (logged[0]["latency_ms"], logged[0]["trace_id"]) == (None, None)
        assert service.value("consumer_end_to_end_seconds_count") == 0

    def test_a_clock_that_is_ahead_does_not_shrink_the_sum(self) -> None:
        """A request from the future counts as received now."""
        service, _ = handle(headers=[("received-at", b"1700000009000")])
        assert service.value("consumer_end_to_end_seconds_sum") == 0

    def test_every_sink_gets_every_decision(self) -> None:
        """Sinks are independent of each other."""
        sinks = [FakeSink(), FakeSink()]
        handle(sinks=sinks)
        assert [sink.offsets() for sink in sinks] == [[1], [1]]


def failing(error: BaseException) -> Callable[[BidRequest], Decision]:
    """Return what a strategy does that raises this."""

    def decide(_request: BidRequest) -> Decision:
        raise error

    return decide


@pytest.mark.promise("never-lost")
class TestDeadLetters:
    """What cannot be processed is kept, with its reason."""

    def test_the_record_is_kept_with_why_and_where_from(self) -> None:
        """Key, value and headers are the original ones, the added ones tell the story."""
        service, _ = handle(b"{", [*HEADERS, ("x", None)])
        (sent,) = service.producer.to(DEAD_LETTERS)
        assert (sent.key, sent.value) == (b"\xff", b"{")
        assert sent.headers[:4] == [*HEADERS, ("x", b"")]  # kafka-python writes no null
        told = {name: value.decode() for name, value in sent.headers[4:]}
        assert told.pop("dlq-error").startswith("JSONDecodeError: ")
        assert told == {
            "dlq-reason": "not-json",
            "dlq-stage": "decode",
            "dlq-topic": "bid_requests",
            "dlq-partition": "0",
            "dlq-offset": "1",
            "dlq-timestamp": "1700000000001",
        }

    @pytest.mark.parametrize(
        ("value", "reason", "error"),
        [
            (b"[]", "not-an-object", "InvalidMessage"),
            (b"{}", "no-id", "InvalidMessage"),
            (b'{"id":"r-1","x":' + b"9" * 5_000 + b"}", "not-json", "ValueError"),
        ],
    )
    def test_what_is_no_bid_request_is_no_fault_of_the_strategys(
        self, value: bytes, reason: str, error: str
    ) -> None:
        """Wherever that turns up, it is counted by reason, and not as a decision."""
        service, logged = handle(value, strategy=FixedPrice(1.0, "USD", "ad"))
        assert service.producer.to(DEAD_LETTERS)[0].header("dlq-stage") == "decode"
        assert (logged[0]["reason"], logged[0]["error"]) == (reason, error)
        assert service.value("consumer_dead_letters_total", reason=reason) == 1
        assert service.producer.to(DECISIONS) == []

    @pytest.mark.parametrize(
        ("decide", "error"),
        [
            (failing(LookupError(f"no campaign for {PERSONAL}")), "LookupError"),
            (failing(SystemExit(0)), "SystemExit"),
            (failing(CancelledError()), "CancelledError"),
            (failing(GeneratorExit()), "GeneratorExit"),
            (lambda _request: None, "TypeError"),
            # made while they are read: outside of the strategy's time, and without an end
            (lambda _request: Bids(Bid("1", 1.0, "ad") for _ in range(3)), "TypeError"),  # type: ignore[arg-type]
        ],
    )
    def test_whatever_a_strategy_does_costs_one_request(
        self, decide: Callable[[BidRequest], Decision], error: str
    ) -> None:
        """The error is kept with the record; the log has no words that may quote the request."""
        service, logged = handle(strategy=FakeStrategy(decide))
        assert logged == [
            {
                "event": "bid request dead-lettered",
                "log_level": "warning",
                **POSITION,
                "reason": "strategy-failed",
                "stage": "decide",
                "error": error,
                "trace_id": TRACE_ID,
            }
        ]
        said = service.producer.to(DEAD_LETTERS)[0].header("dlq-error")
        assert said.startswith(f"{error}: ")
        assert (PERSONAL in said) == (error == "LookupError")

    def test_long_errors_and_odd_characters_fit_into_a_header(self) -> None:
        """The words are cut short and escaped where UTF-8 has no form for them."""
        strategy = FakeStrategy(failing(ValueError("\ud800" + "x" * 9_000)))
        service, _ = handle(strategy=strategy)
        error = service.producer.to(DEAD_LETTERS)[0].header("dlq-error")
        assert error.startswith("ValueError: \\ud800xxx")
        assert len(error) < 600


@pytest.mark.promise("never-lost")
class TestRefusals:
    """What a sink will never take becomes a dead letter; what it cannot take now does not."""

    @pytest.mark.parametrize("where", ["at_submit", "at_wait"])
    def test_a_refused_decision_is_a_dead_letter(self, where: str) -> None:
        """Whether it is refused at once or later, the request is kept."""
        refuse: Any = {where: lambda _decided: MessageRejected("too large")}
        service, logged = handle(sinks=[FakeSink(**refuse)])
        (sent,) = service.producer.to(DEAD_LETTERS)
        assert (sent.value, sent.header("dlq-reason")) == (REQUEST, "sink-refused")
        assert (sent.header("dlq-stage"), sent.header("dlq-error")) == ("sink", "too large")
        assert logged[0]["error"] == "MessageRejected"

    def test_an_unavailable_sink_gives_no_dead_letter(self) -> None:
        """An outage must not empty the topic into the dead letters."""
        away = FakeSink(at_wait=lambda _decided: SinkBackpressureError("away"))
        service, logged = handle(sinks=[away])
        assert (service.producer.sent, service.committed, logged) == ([], {}, [])

    def test_an_unacknowledged_dead_letter_is_unavailability(self) -> None:
        """Dead letters are waited for like decisions."""
        service = Wiring.over([b"{"])
        service.producer.failing = lambda _sent: KafkaTimeoutError("late")
        service.go_round()
        assert service.committed == {}
        assert "late" in service.health.not_ready()[0]
        assert service.value("consumer_dead_letters_total", reason="not-json") is None
