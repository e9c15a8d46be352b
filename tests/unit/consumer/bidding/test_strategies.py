"""What the strategies decide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.settings import SettingsError, table
from consumer.bidding.decision import Bid, Bids, NoBid, NoBidReason
from consumer.bidding.request import BidRequest, parse
from consumer.bidding.strategies import SHIPPED, load_strategy
from consumer.bidding.strategies.fixed_price import FixedPrice
from consumer.bidding.strategies.floor_plus import FloorPlus, PacedBudget
from consumer.bidding.strategies.no_bid import NoBidStrategy
from consumer.bidding.strategy import Strategy
from consumer.runtime import Clock
from consumer.settings.bidding import BiddingSettings
from consumer.settings.consumer import load_settings
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_strategy import FakeStrategy

pytestmark = pytest.mark.timing


def request(*imps: dict[str, Any], **fields: Any) -> BidRequest:  # noqa: ANN401  any JSON at all
    """Return a request with these impressions and fields."""
    return parse(json.dumps({"id": "r-1", "imp": list(imps), **fields}).encode())


def choose(name: str) -> Strategy:
    """Return the strategy that an environment with this name chooses."""
    environ = {"BIDDING_STRATEGY": name}
    return load_strategy(load_settings(environ).bidding, environ, Clock())


class TestNoBid:
    """no_bid declines."""

    def test_it_declines_everything(self) -> None:
        """Whatever the request, the answer is NoBid with reason 0."""
        assert NoBidStrategy().decide(request({"id": "1"})) == NoBid(NoBidReason.UNKNOWN)


class TestFixedPrice:
    """fixed_price bids its price where it may."""

    strategy = FixedPrice(1.5, "USD", "ad-1")

    def test_it_bids_on_every_impression_in_order(self) -> None:
        """Without floors each impression gets the price and the creative."""
        decision = self.strategy.decide(request({"id": "a"}, {"id": "b"}))
        assert decision == Bids((Bid("a", 1.5, "ad-1"), Bid("b", 1.5, "ad-1")), "USD")

    @pytest.mark.parametrize(
        ("imp", "bids"),
        [
            ({"bidfloor": 1.5}, True),
            ({"bidfloor": 1.51}, False),
            ({"bidfloor": 0, "bidfloorcur": "EUR"}, True),
            ({"bidfloor": 0.1, "bidfloorcur": "EUR"}, False),
            ({"bidfloor": "0.1"}, False),
            ({"bidfloor": float("1e308")}, False),
            ({"pmp": {"private_auction": 1}}, False),
        ],
    )
    def test_floors_and_deals_decide_where_it_bids(
        self, imp: dict[str, Any], *, bids: bool
    ) -> None:
        """A floor must be met in its own currency; impressions for deals alone are left out."""
        decision = self.strategy.decide(request({"id": "1", **imp}))
        assert isinstance(decision, Bids) is bids

    def test_one_impression_too_dear_does_not_spoil_the_others(self) -> None:
        """Bids are for the impressions whose floor is met."""
        decision = self.strategy.decide(request({"id": "a", "bidfloor": 9}, {"id": "b"}))
        assert isinstance(decision, Bids)
        assert [bid.impression_id for bid in decision.bids] == ["b"]

    @pytest.mark.parametrize(("cur", "bids"), [(["EUR"], False), (["EUR", "USD"], True)])
    def test_it_bids_only_where_its_currency_is_taken(self, cur: list[str], *, bids: bool) -> None:
        """An exchange that lists other currencies gets no bid."""
        assert isinstance(self.strategy.decide(request({"id": "1"}, cur=cur)), Bids) is bids

    def test_a_request_without_impressions_is_invalid(self) -> None:
        """There is nothing to bid on, and the reason says so."""
        assert self.strategy.decide(request()) == NoBid(NoBidReason.INVALID_REQUEST)


class TestFloorPlus:
    """floor_plus bids over each floor while there is money."""

    def setup_method(self) -> None:
        """Begin in the middle of a period of 1000 s: half of the 10 that it has may be spent."""
        self.time = FakeTime(1_700_000_500.0)
        self.budget = PacedBudget(10, 1000, self.time.clock.wall)
        self.strategy = FloorPlus(0.1, 20, "USD", "ad-1", self.budget)

    def test_it_bids_a_margin_over_each_floor(self) -> None:
        """No floor counts as 0, and the order is that of the impressions."""
        decision = self.strategy.decide(request({"id": "a", "bidfloor": 1.2}, {"id": "b"}))
        assert decision == Bids((Bid("a", 1.3, "ad-1"), Bid("b", 0.1, "ad-1")), "USD")

    @pytest.mark.parametrize(
        "imp",
        [
            {"bidfloor": 0.1, "bidfloorcur": "EUR"},
            {"bidfloor": "0.1"},
            {"bidfloor": 19.95},
            {"bidfloor": float("1e308")},
            {"pmp": {"private_auction": 1}},
        ],
    )
    def test_it_leaves_out_what_it_cannot_price_or_afford(self, imp: dict[str, Any]) -> None:
        """Foreign floors, floors that are no numbers or too high, and impressions for deals."""
        decision = self.strategy.decide(request({"id": "a", **imp}, {"id": "b"}))
        assert isinstance(decision, Bids)
        assert [bid.impression_id for bid in decision.bids] == ["b"]

    def test_a_floor_below_nothing_is_none(self) -> None:
        """The price is never below the margin."""
        decision = self.strategy.decide(request({"id": "a", "bidfloor": -5}))
        assert decision == Bids((Bid("a", 0.1, "ad-1"),), "USD")

    def test_other_currencies_and_no_impressions_are_declined(self) -> None:
        """As fixed_price does it."""
        assert self.strategy.decide(request({"id": "a"}, cur=["EUR"])) == NoBid()
        assert self.strategy.decide(request()) == NoBid(NoBidReason.INVALID_REQUEST)

    def test_without_money_it_declines(self) -> None:
        """A bid costs a thousandth of its CPM, whether or not it wins."""
        assert self.budget.spend(5.0999)
        assert isinstance(self.strategy.decide(request({"id": "a"})), Bids)
        assert self.strategy.decide(request({"id": "a"})) == NoBid()


class TestPacedBudget:
    """Money that lasts."""

    def setup_method(self) -> None:
        """Begin with a period of 1000 s."""
        self.time = FakeTime(1_700_000_000.0)
        self.budget = PacedBudget(1000, 1000, self.time.clock.wall)

    def spent(self) -> int:
        """Spend tens until there are no more, and return how many there were."""
        spent = 0
        while self.budget.spend(10):
            spent += 1
        return spent

    def test_it_is_spread_over_the_period(self) -> None:
        """A hundredth at once, then as much as the share of the period that has passed."""
        shares = []
        for _ in range(4):
            shares.append(self.spent())
            self.time.sleep(250)
        assert shares == [1, 25, 25, 25]

    def test_quiet_hours_are_made_up_for_within_the_period(self) -> None:
        """What was not spent is not lost before the period ends."""
        self.time.sleep(999)
        assert self.spent() == 100

    @pytest.mark.parametrize("late", [0, 250, 990])
    def test_no_period_costs_more_than_its_budget(self, late: float) -> None:
        """Each period begins anew, with what is its own."""
        for _ in range(3):
            self.time.sleep(late)
            spent = 0
            for _ in range(10):
                spent += self.spent()
                self.time.sleep((1000 - late) / 10)
            assert spent <= 100

    def test_a_clock_that_is_set_back_brings_nothing_back(self) -> None:
        """What was spent stays spent."""
        self.time.sleep(500)
        assert self.spent() == 51
        self.time.now_s -= 2_000
        assert self.spent() == 0


class TestChoice:
    """BIDDING_STRATEGY names the strategy."""

    @pytest.mark.parametrize("name", SHIPPED)
    def test_each_name_builds_the_strategy_of_that_name(self, name: str) -> None:
        """Settings, registry and strategies agree on the names."""
        assert choose(name).name == name

    def test_the_settings_document_every_strategy(self) -> None:
        """No strategy is left out of the configuration's documentation."""
        (row,) = (row for row in table(BiddingSettings) if row.name == "BIDDING_STRATEGY")
        assert all(f"`{name}`" in row.doc for name in SHIPPED)

    def test_a_class_anywhere_is_imported(self) -> None:
        """`package.module:Class` needs no installation."""
        assert choose("tests.support.fakes.consumer_strategy:FakeStrategy") == FakeStrategy()

    def test_what_cannot_be_had_names_the_setting(self) -> None:
        """The service ends before it has begun, with one line."""
        with pytest.raises(SettingsError, match="^BIDDING_STRATEGY='clairvoyant': is not shipped"):
            choose("clairvoyant")


def test_bids_without_a_bid_cannot_be_made() -> None:
    """An empty offer is a NoBid, and its maker is told."""
    with pytest.raises(ValueError, match="NoBid"):
        Bids(())
