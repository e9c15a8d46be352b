"""The JSON of decisions."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, cast

import pytest

from consumer.bidding.decision import Bid, Bids, Decision, NoBid, NoBidReason
from consumer.bidding.decision_record import build_decision_record
from consumer.bidding.request import parse
from tests.support.fakes.consumer_records import make_record


def body(decision: Decision, request_id: str = "r-1") -> dict[str, Any]:
    """Return a decision's JSON."""
    value = json.dumps({"id": request_id}).encode()
    found = build_decision_record(make_record(value, offset=7), parse(value), decision, "s", 12_345)
    parsed: dict[str, Any] = json.loads(found.value)
    return parsed


class TestDecided:
    """A decision says what it is about and carries an OpenRTB response."""

    def test_a_no_bid_carries_its_reason(self) -> None:
        """The response is a BidResponse with nbr and without seatbid."""
        assert body(NoBid(NoBidReason.NON_HUMAN)) == {
            "version": 1,
            "request": {"id": "r-1", "topic": "bid_requests", "partition": 0, "offset": 7},
            "strategy": "s",
            "decided_at": 12_345,
            "response": {"id": "r-1", "nbr": 4},
        }

    def test_bids_carry_price_impression_creative_and_currency(self) -> None:
        """The response is a BidResponse whose bids are numbered."""
        response = body(Bids((Bid("a", 1.5, "ad"), Bid("b", 2.0, "ad")), "EUR"))["response"]
        assert response == {
            "id": "r-1",
            "seatbid": [
                {
                    "bid": [
                        {"id": "1", "impid": "a", "price": 1.5, "crid": "ad"},
                        {"id": "2", "impid": "b", "price": 2.0, "crid": "ad"},
                    ]
                }
            ],
            "cur": "EUR",
        }

    def test_a_long_id_is_not_repeated_for_each_bid(self) -> None:
        """The size of a decision grows with the request, not with ids times impressions."""
        many = Bids(tuple(Bid(str(number), 1.0, "ad") for number in range(1_000)))
        assert len(json.dumps(body(many, request_id="x" * 10_000))) < 100_000

    @pytest.mark.parametrize("price", [float("nan"), float("inf")])
    def test_a_price_that_json_does_not_know_is_an_error(self, price: float) -> None:
        """No reader is handed NaN or Infinity."""
        with pytest.raises(ValueError, match="JSON"):
            body(Bids((Bid("a", price, "ad"),)))

    @pytest.mark.parametrize("price", ["1.0", None, True, Decimal("1.0")])
    def test_a_price_that_is_no_number_is_an_error(self, price: object) -> None:
        """No reader is handed text where a number belongs."""
        with pytest.raises(TypeError, match="number"):
            body(Bids((Bid("a", cast("float", price), "ad"),)))

    @pytest.mark.parametrize(
        "bids",
        [
            Bids((Bid(cast("str", 1), 1.0, "ad"),)),
            Bids((Bid("a", 1.0, cast("str", None)),)),
            Bids((Bid("a", 1.0, "ad"),), cast("str", b"USD")),
        ],
    )
    def test_what_is_no_text_is_an_error(self, bids: Bids) -> None:
        """No reader is handed something else where the schema says text."""
        with pytest.raises(TypeError, match="expected text as the"):
            body(bids)

    def test_what_is_no_decision_is_an_error(self) -> None:
        """A strategy that returns something else is found out."""
        with pytest.raises(TypeError, match="found NoneType"):
            body(cast("Decision", None))
