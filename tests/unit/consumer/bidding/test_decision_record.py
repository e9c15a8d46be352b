"""The JSON of decisions."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from consumer.bidding.decision import Bid, Bids, NoBid, NoBidReason
from consumer.bidding.decision_record import build_decision_record
from consumer.bidding.request import parse
from tests.support.fakes.consumer_records import make_record

pytestmark = pytest.mark.promise("decides")


def body(decision: Any, request_id: str = "r-1") -> dict[str, Any]:  # noqa: ANN401  a strategy's
    """Return a decision's JSON."""
    value = json.dumps({"id": request_id}).encode()
    found = build_decision_record(make_record(value, offset=7), parse(value), decision, "s", 12_345)
    parsed: dict[str, Any] = json.loads(found.value)
    return parsed


def test_a_decision_says_what_it_is_about_and_carries_an_openrtb_response() -> None:
    """A BidResponse with nbr, or with numbered bids: price, impression, creative and currency."""
    assert body(NoBid(NoBidReason.NON_HUMAN)) == {
        "version": 1,
        "request": {"id": "r-1", "topic": "bid_requests", "partition": 0, "offset": 7},
        "strategy": "s",
        "decided_at": 12_345,
        "response": {"id": "r-1", "nbr": 4},
    }
    bids = [
        {"id": "1", "impid": "a", "price": 1.5, "crid": "ad"},
        {"id": "2", "impid": "b", "price": 2.0, "crid": "ad"},
    ]
    response = body(Bids((Bid("a", 1.5, "ad"), Bid("b", 2.0, "ad")), "EUR"))["response"]
    assert response == {"id": "r-1", "seatbid": [{"bid": bids}], "cur": "EUR"}


@pytest.mark.promise("bounded")
def test_a_long_id_is_not_repeated_for_each_bid() -> None:
    """The size of a decision grows with the request, not with ids times impressions."""
    many = Bids(tuple(Bid(str(number), 1.0, "ad") for number in range(1_000)))
    assert len(json.dumps(body(many, request_id="x" * 10_000))) < 100_000


def bids(imp: Any = "a", price: Any = 1.0, creative: Any = "ad", currency: Any = "USD") -> Bids:  # noqa: ANN401  a strategy's
    """Return one bid that a careless strategy makes."""
    return Bids((Bid(imp, price, creative),), currency)


@pytest.mark.parametrize(
    ("decision", "error", "words"),
    [
        (None, TypeError, "found NoneType"),
        (bids(price=float("nan")), ValueError, "JSON"),
        (bids(price=float("inf")), ValueError, "JSON"),
        (bids(price="1.0"), TypeError, "number"),
        (bids(price=None), TypeError, "number"),
        (bids(price=True), TypeError, "number"),
        (bids(price=Decimal("1.0")), TypeError, "number"),
        (bids(imp=1), TypeError, "expected text as the"),
        (bids(creative=None), TypeError, "expected text as the"),
        (bids(currency=b"USD"), TypeError, "expected text as the"),
    ],
)
def test_what_the_schema_does_not_know_is_an_error(
    decision: object, error: type[Exception], words: str
) -> None:
    """No reader is handed NaN, text where a number belongs, or something that is no decision."""
    with pytest.raises(error, match=words):
        body(decision)
