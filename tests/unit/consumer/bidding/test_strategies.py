"""What the strategies decide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.settings import SettingsError
from consumer.bidding.decision import Bids, Decision, NoBid, NoBidReason
from consumer.bidding.request import parse
from consumer.bidding.strategies import SHIPPED, load_strategy
from consumer.bidding.strategies.fixed_price import FixedPrice
from consumer.bidding.strategies.floor_plus import FloorPlus, PacedBudget
from consumer.bidding.strategies.no_bid import NoBidStrategy
from consumer.bidding.strategy import Strategy
from consumer.runtime import Clock
from consumer.settings.consumer import load_settings
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_strategy import FakeStrategy

pytestmark = [pytest.mark.timing, pytest.mark.promise("decides")]

FIXED = FixedPrice(1.5, "USD", "ad-1")


def floor_plus(left: float = 5.1) -> FloorPlus:
    """Return a strategy with a margin of 0.1, a highest price of 20, and so much to spend now."""
    budget = PacedBudget(10, 1000, FakeTime(1_700_000_500.0).clock.wall)
    assert budget.spend(5.1 - left)
    return FloorPlus(0.1, 20, "USD", "ad-1", budget)


def ask(strategy: Strategy, *imps: dict[str, Any], **fields: Any) -> Decision:  # noqa: ANN401  any JSON at all
    """Return what is decided on a request with these impressions and fields."""
    return strategy.decide(parse(json.dumps({"id": "r-1", "imp": imps, **fields}).encode()))


@pytest.mark.parametrize(
    ("imp", "fixed", "plus"),
    [
        ({}, 1.5, 0.1),
        ({"bidfloor": 1.2}, 1.5, 1.3),
        ({"bidfloor": 1.5}, 1.5, 1.6),
        ({"bidfloor": 1.51}, None, 1.61),
        ({"bidfloor": 19.9}, None, 20),
        ({"bidfloor": 19.95}, None, None),
        ({"bidfloor": -5}, 1.5, 0.1),
        ({"bidfloor": 0, "bidfloorcur": "EUR"}, 1.5, 0.1),
        ({"bidfloor": 0.1, "bidfloorcur": "EUR"}, None, None),
        ({"bidfloor": "0.1"}, None, None),
        ({"bidfloor": float("1e308")}, None, None),
        ({"pmp": {"private_auction": 1}}, None, None),
    ],
)
def test_floors_and_deals_decide_where_they_bid(
    imp: dict[str, Any], fixed: float | None, plus: float | None
) -> None:
    """A floor must be met in its own currency; one that is too dear does not spoil the others."""
    for strategy, price, other in ((FIXED, fixed, 1.5), (floor_plus(), plus, 0.1)):
        decision = ask(strategy, {"id": "a", **imp}, {"id": "b"})
        assert isinstance(decision, Bids)
        expected = [("a", price, "ad-1")] * (price is not None) + [("b", other, "ad-1")]
        told = [(bid.impression_id, bid.price, bid.creative_id) for bid in decision.bids]
        assert (told, decision.currency) == (expected, "USD")


@pytest.mark.parametrize("strategy", [FIXED, floor_plus()])
def test_they_bid_only_where_their_currency_is_taken_and_something_is_offered(
    strategy: Strategy,
) -> None:
    """An exchange that lists other currencies gets no bid; without impressions the reason says."""
    assert ask(strategy, {"id": "1"}, cur=["EUR"]) == NoBid()
    assert isinstance(ask(strategy, {"id": "1"}, cur=["EUR", "USD"]), Bids)
    assert ask(strategy) == NoBid(NoBidReason.INVALID_REQUEST)


def test_no_bid_declines_everything() -> None:
    """Whatever the request, the answer is NoBid with reason 0."""
    assert ask(NoBidStrategy(), {"id": "1"}) == NoBid(NoBidReason.UNKNOWN)


def test_without_money_floor_plus_declines() -> None:
    """A bid costs a thousandth of its CPM, whether or not it wins."""
    strategy = floor_plus(left=0.0001)
    assert isinstance(ask(strategy, {"id": "a"}), Bids)
    assert ask(strategy, {"id": "a"}) == NoBid()


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


def choose(name: str) -> Strategy:
    """Return the strategy that an environment with this name chooses."""
    environ = {"BIDDING_STRATEGY": name}
    return load_strategy(load_settings(environ).bidding, environ, Clock())


@pytest.mark.promise("configured")
def test_a_setting_names_the_strategy() -> None:
    """Settings, registry and strategies agree on the names; a class anywhere is imported."""
    assert [choose(name).name for name in SHIPPED] == [*SHIPPED]
    assert choose("tests.support.fakes.consumer_strategy:FakeStrategy") == FakeStrategy()
    with pytest.raises(SettingsError, match="^BIDDING_STRATEGY='clairvoyant': is not shipped"):
        choose("clairvoyant")


def test_bids_without_a_bid_cannot_be_made() -> None:
    """An empty offer is a NoBid, and its maker is told."""
    with pytest.raises(ValueError, match="NoBid"):
        Bids(())
