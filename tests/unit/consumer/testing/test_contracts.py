"""The shipped strategies and sinks keep the contracts, and the contracts catch who does not."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumer.bidding.decision import Bid, Bids, Decision, NoBid
from consumer.bidding.decision_record import DecisionRecord
from consumer.bidding.request import BidRequest
from consumer.bidding.strategies import load_strategy
from consumer.bidding.strategy import Strategy
from consumer.kafka.publisher import Publisher
from consumer.runtime import Clock
from consumer.settings.consumer import load_settings
from consumer.sinks.jsonl import JsonLines
from consumer.sinks.kafka import KafkaSink
from consumer.sinks.log import LogSink
from consumer.sinks.sink import Acknowledgement, Done, Sink
from consumer.testing import SinkContract, StrategyContract
from tests.support.fakes.consumer_producer import FakeProducer
from tests.support.fakes.consumer_sink import FakeSink
from tests.support.fakes.consumer_strategy import FakeStrategy


def shipped(name: str, **environ: str) -> Strategy:
    """Return a strategy of ours as the service makes it."""
    return load_strategy(load_settings({"BIDDING_STRATEGY": name, **environ}).bidding, {}, Clock())


class TestNoBid(StrategyContract):
    """no_bid."""

    def make(self) -> Strategy:
        """Make it."""
        return shipped("no_bid")


class TestFixedPrice(StrategyContract):
    """fixed_price."""

    def make(self) -> Strategy:
        """Make it."""
        return shipped("fixed_price")


class TestFloorPlus(StrategyContract):
    """floor_plus."""

    def make(self) -> Strategy:
        """Make it."""
        return shipped("floor_plus")


class TestKafkaSink(SinkContract):
    """kafka, on a producer in memory."""

    def setup_method(self) -> None:
        """Begin with an empty topic."""
        self.producer = FakeProducer()

    def make(self) -> Sink:
        """Make it."""
        return KafkaSink(Publisher(lambda: self.producer), "bid_decisions")

    def delivered(self) -> Sequence[str]:
        """Read the topic."""
        sent = self.producer.to("bid_decisions")
        return [json.loads(record.value or b"")["request"]["id"] for record in sent]


class TestJsonLines(SinkContract):
    """jsonl, with files that are soon full."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        """Write to a folder of one's own."""
        self.folder = tmp_path

    def make(self) -> Sink:
        """Make it."""
        return JsonLines(self.folder / "x", 30_000, 20)

    def delivered(self) -> Sequence[str]:
        """Read all files, the oldest first."""
        files = sorted(self.folder.iterdir(), key=lambda file: -int(file.suffix[1:] or 0))
        lines = [line for file in files for line in file.read_text().split("\n") if line]
        return [json.loads(line)["request"]["id"] for line in lines]


class TestLogSink(SinkContract):
    """log."""

    @pytest.fixture(autouse=True)
    def _log(self) -> Iterator[None]:
        """Read along."""
        with capture_logs() as self.lines:
            yield

    def make(self) -> Sink:
        """Make it."""
        return LogSink()

    def delivered(self) -> Sequence[str]:
        """Read the log."""
        return [line["request"]["id"] for line in self.lines]


def broken(contract: type, **members: Any) -> set[str]:  # noqa: ANN401  methods of a class
    """Return the tests of a contract that fail for an implementation of it."""
    failed = set()
    for name, _ in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("test_"):
            try:
                getattr(type("Suite", (contract,), members)(), name)()
            except Exception:  # noqa: BLE001  any failure is one
                failed.add(name.removeprefix("test_"))
    return failed


def on_first(price: float = 1, imp: str | None = None, currency: str = "USD") -> Any:  # noqa: ANN401  a function
    """Return a way to decide: bid on the first impression, whatever it says."""

    def decide(request: BidRequest) -> Decision:
        for offered in request.impressions:
            return Bids((Bid(imp or offered.id, price, "ad"),), currency)
        return NoBid()

    return decide


def change(request: BidRequest) -> Decision:
    """Write into the request."""
    request.body["seen"] = True  # type: ignore[index]  # the point
    return NoBid()


@pytest.mark.parametrize(
    ("decide", "caught"),
    [
        (on_first(), "its_prices_are_prices"),
        (on_first(price=-1), "its_prices_are_prices"),
        (on_first(price=float("inf")), "it_decides_on_every_request"),
        (on_first(imp="another"), "its_bids_are_for_what_is_offered"),
        (on_first(), "its_bids_are_for_what_is_offered"),
        (on_first(), "it_bids_in_a_currency_that_is_taken"),
        (on_first(currency="$"), "it_bids_in_a_currency_that_is_taken"),
        (change, "it_leaves_requests_as_they_are"),
        (lambda request: request.body["imp"][0], "it_decides_on_every_request"),
    ],
)
def test_a_strategy_that_breaks_the_contract_is_caught(decide: Any, caught: str) -> None:  # noqa: ANN401  a function
    """The suite goes red for what it is there for."""
    assert caught in broken(StrategyContract, make=lambda _self: FakeStrategy(decide))


def test_a_strategy_without_a_proper_name_is_caught() -> None:
    """A space is not for metrics."""
    made = FakeStrategy(name="Our strategy")
    assert broken(StrategyContract, make=lambda _self: made) == {"its_name_can_be_a_label"}


class Forgetful(FakeSink):
    """Acknowledges and delivers nothing."""

    def submit(self, _decided: DecisionRecord) -> Acknowledgement:  # type: ignore[override]  # the point
        """Forget it."""
        return Done()


class Backwards(FakeSink):
    """Delivers the last first."""

    def submit(self, decided: DecisionRecord) -> Acknowledgement:  # type: ignore[override]  # the same
        """Put it in front."""
        self.acknowledged.insert(0, decided)
        return Done()


@pytest.mark.parametrize(
    ("sink", "caught"),
    [
        (FakeSink, {"an_acknowledgement_can_be_waited_for_again"}),
        (Forgetful, {"what_is_acknowledged_is_delivered", "many_can_be_underway"}),
        (Backwards, {"many_can_be_underway"}),
    ],
)
def test_a_sink_that_breaks_the_contract_is_caught(sink: type[FakeSink], caught: set[str]) -> None:
    """The suite goes red for what it is there for."""

    def make(suite: Any) -> FakeSink:  # noqa: ANN401  a class made on the spot
        suite.sink = getattr(suite, "sink", None) or sink()
        return suite.sink  # type: ignore[no-any-return]  # made just now

    def delivered(suite: Any) -> list[str]:  # noqa: ANN401  the same
        return [decided.request.id for decided in suite.sink.acknowledged]

    assert caught <= broken(SinkContract, make=make, delivered=delivered)
