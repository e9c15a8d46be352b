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
from consumer.bidding.strategies import SHIPPED, load_strategy
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

pytestmark = pytest.mark.promise("decides")


class TestStrategies(StrategyContract):
    """Ours, as the service makes them."""

    @pytest.fixture(autouse=True, params=SHIPPED)
    def _choose(self, request: pytest.FixtureRequest) -> None:
        """Choose one after the other."""
        self.settings = load_settings({"BIDDING_STRATEGY": request.param})

    def make(self) -> Strategy:
        """Make it."""
        return load_strategy(self.settings.bidding, {}, Clock())


class TestSinks(SinkContract):
    """Ours: kafka on a producer in memory, jsonl with files that are soon full, and log."""

    @pytest.fixture(autouse=True, params=["kafka", "jsonl", "log"])
    def _choose(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
        """Choose one after the other."""
        self.producer, self.folder, self.name = FakeProducer(), tmp_path, request.param
        with capture_logs() as self.lines:
            yield

    def make(self) -> Sink:
        """Make it."""
        if self.name == "log":
            return LogSink()
        if self.name == "jsonl":
            return JsonLines(self.folder / "x", 30_000, 20)
        return KafkaSink(Publisher(lambda: self.producer), "bid_decisions")

    def delivered(self) -> Sequence[str]:
        """Read the topic, all files, the oldest first, and the log, of which two are empty."""
        values = [sent.value or b"" for sent in self.producer.to("bid_decisions")]
        for file in sorted(self.folder.iterdir(), key=lambda file: -int(file.suffix[1:] or 0)):
            values += file.read_bytes().splitlines()
        decided = [*map(json.loads, values), *self.lines]
        return [each["request"]["id"] for each in decided]


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
    ("strategy", "caught"),
    [
        (FakeStrategy(on_first()), "its_prices_are_prices"),
        (FakeStrategy(on_first(price=-1)), "its_prices_are_prices"),
        (FakeStrategy(on_first(price=float("inf"))), "it_decides_on_every_request"),
        (FakeStrategy(on_first(imp="another")), "its_bids_are_for_what_is_offered"),
        (FakeStrategy(on_first()), "its_bids_are_for_what_is_offered"),
        (FakeStrategy(on_first()), "it_bids_in_a_currency_that_is_taken"),
        (FakeStrategy(on_first(currency="$")), "it_bids_in_a_currency_that_is_taken"),
        (FakeStrategy(change), "it_leaves_requests_as_they_are"),
        (FakeStrategy(lambda request: request.body["imp"][0]), "it_decides_on_every_request"),
        (FakeStrategy(name="Our strategy"), "its_name_can_be_a_label"),
    ],
)
def test_a_strategy_that_breaks_the_contract_is_caught(strategy: Strategy, caught: str) -> None:
    """The suite goes red for what it is there for; a space is not for metrics."""
    found = broken(StrategyContract, make=lambda _self: strategy)
    assert caught in found
    assert strategy.name == "fake" or found == {caught}


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

    def make(suite: Any) -> Any:  # noqa: ANN401  a class made on the spot
        suite.sink = getattr(suite, "sink", None) or sink()
        return suite.sink

    def delivered(suite: Any) -> list[str]:  # noqa: ANN401  the same
        return [decided.request.id for decided in suite.sink.acknowledged]

    assert caught <= broken(SinkContract, make=make, delivered=delivered)
