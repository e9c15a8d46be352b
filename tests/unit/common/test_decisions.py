"""The decision record as its readers get it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common.decisions import BidResponse, DecisionValue, FirstSeen, Request, read

pytestmark = pytest.mark.promise("decides")

NO_BID: dict[str, Any] = {
    "version": 1,
    "request": {"id": "r-1", "topic": "bid_requests", "partition": 0, "offset": 7},
    "strategy": "s",
    "decided_at": 12_345,
    "response": {"id": "r-1", "nbr": 4},
}
SEATBID = [{"bid": [{"id": "1", "impid": "a", "price": 1.5, "crid": "ad"}]}]


def read_with(**members: object) -> DecisionValue:
    """Read a decision that has these members, too."""
    return read(json.dumps({**NO_BID, **members}).encode())


def test_a_decision_is_read_with_all_that_it_says() -> None:
    """Each member stands in its own attribute."""
    request, response = Request("r-1", "bid_requests", 0, 7), BidResponse("r-1", nbr=4)
    expected = DecisionValue(1, request, "s", 12_345, response, FirstSeen(2, 3))
    assert read_with(duplicate_of={"partition": 2, "offset": 3}) == expected


def test_the_outcome_is_bid_where_there_are_offers() -> None:
    """A response with seatbid is a bid, one with nbr is none."""
    bid = read_with(response={"id": "r-1", "seatbid": SEATBID, "cur": "USD"})
    assert (bid.response.outcome, read_with().response.outcome) == ("bid", "no_bid")


@pytest.mark.parametrize("member", ["request", "response"])
def test_an_unknown_member_is_passed_over(member: str) -> None:
    """A member that comes to be later disturbs nobody, wherever it stands."""
    more = {**NO_BID[member], "later": [{"x": None}]}
    assert read_with(later={"y": 1}, **{member: more}) == read_with()


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_version_is_an_error(version: object) -> None:
    """What might mean something else is not guessed at."""
    with pytest.raises(ValueError, match="version"):
        read_with(version=version)


@pytest.mark.parametrize("name", NO_BID)
def test_a_missing_member_is_an_error(name: str) -> None:
    """All but `duplicate_of` are in each decision."""
    rest = {key: value for key, value in NO_BID.items() if key != name}
    with pytest.raises(ValueError, match=name):
        read(json.dumps(rest).encode())


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"seatbid": SEATBID},
        {"cur": "USD"},
        {"seatbid": SEATBID, "cur": "USD", "nbr": 1},
        {"seatbid": [], "cur": "USD"},
        {"seatbid": [{"bid": []}], "cur": "USD"},
    ],
)
def test_a_response_is_a_bid_or_none(members: dict[str, object]) -> None:
    """Offers with their currency, or a reason for none, and not both."""
    with pytest.raises(ValueError, match="response"):
        read_with(response={"id": "r-1", **members})


@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b'{"x":' + b"[" * 100_000])
def test_what_is_no_object_is_an_error(value: bytes | None) -> None:
    """Whatever lies on the topic, a reader has one error to expect."""
    with pytest.raises(ValueError, match=r"."):
        read(value)
