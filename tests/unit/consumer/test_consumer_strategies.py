"""What the strategies decide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.settings import table
from consumer.decision import Bid, Bids, NoBid, NoBidReason
from consumer.request import BidRequest, parse
from consumer.settings import BiddingSettings, load_settings
from consumer.strategies import STRATEGIES, chosen
from consumer.strategies.fixed_price import FixedPrice
from consumer.strategies.no_bid import NoBidStrategy


def request(*imps: dict[str, Any], **fields: Any) -> BidRequest:  # noqa: ANN401  any JSON at all
    """Return a request with these impressions and fields."""
    return parse(json.dumps({"id": "r-1", "imp": list(imps), **fields}).encode())


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


class TestChoice:
    """BIDDING_STRATEGY names the strategy."""

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_each_name_builds_the_strategy_of_that_name(self, name: str) -> None:
        """Settings, registry and strategies agree on the names."""
        strategy = chosen(load_settings({"BIDDING_STRATEGY": name}).bidding)
        assert strategy.name == name

    def test_the_settings_document_every_strategy(self) -> None:
        """No strategy is left out of the configuration's documentation."""
        (row,) = (row for row in table(BiddingSettings) if row.name == "BIDDING_STRATEGY")
        assert all(f"`{name}`" in row.doc for name in STRATEGIES)


def test_bids_without_a_bid_cannot_be_made() -> None:
    """An empty offer is a NoBid, and its maker is told."""
    with pytest.raises(ValueError, match="NoBid"):
        Bids(())
