"""A decision together with the request it is about: what sinks are given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from consumer.bidding.decision import Bid, Bids, Decision, NoBid
from consumer.bidding.request import BidRequest
from consumer.kafka.record import Record

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True)
class Original:
    """Where a bid id was first seen."""

    partition: int
    offset: int


@dataclass(frozen=True)
class Decided:
    """One decision; `decided_at_ms` is epoch milliseconds, `value` its JSON as UTF-8.

    `traceparent` is its own place in the trace of the request, None where that is the request's.
    """

    record: Record
    request: BidRequest
    decision: Decision
    strategy: str
    decided_at_ms: int
    value: bytes
    traceparent: str | None = None

    @property
    def outcome(self) -> Literal["bid", "no_bid"]:
        """The decision in one word."""
        return "bid" if isinstance(self.decision, Bids) else "no_bid"


def decided(  # noqa: PLR0913  the parts of a decision, of which the last is seldom there
    record: Record,
    request: BidRequest,
    decision: Decision,
    strategy: str,
    now_ms: int,
    *,
    original: Original | None = None,
    traceparent: str | None = None,
) -> Decided:
    """Put a decision into its final form; raise ValueError or TypeError where JSON has none.

    `original` is where the same bid id had come before: the decision says of which it repeats.
    """
    body: dict[str, Any] = {
        "request": {
            "id": request.id,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
        },
        "strategy": strategy,
        "decided_at": now_ms,
        "response": bid_response(request.id, decision),
    }
    if original is not None:
        body["duplicate_of"] = {"partition": original.partition, "offset": original.offset}
    value = _JSON.encode(body)
    return Decided(record, request, decision, strategy, now_ms, value, traceparent)


def bid_response(request_id: str, decision: Decision) -> Mapping[str, Any]:
    """Return the decision as an OpenRTB 2.6 BidResponse (section 4.2.1)."""
    match decision:
        case NoBid(reason):
            return {"id": request_id, "nbr": int(reason)}
        case Bids(bids, currency):
            offers = [_offer(number, bid) for number, bid in enumerate(bids, start=1)]
            return {"id": request_id, "seatbid": [{"bid": offers}], "cur": currency}
        case _:  # strategies are not always type-checked
            raise _no_decision(decision)


def _no_decision(found: object) -> TypeError:
    return TypeError(f"expected Bids or NoBid, found {type(found).__name__}")


def _offer(number: int, bid: Bid) -> Mapping[str, Any]:
    # numbered, not named after the request: a long id would be repeated for every impression
    return {
        "id": str(number),
        "impid": bid.impression_id,
        "price": _price(bid),
        "crid": bid.creative_id,
    }


def _price(bid: Bid) -> float:
    # the encoder would write null for NaN and text for a Decimal
    if not isinstance(bid.price, (int, float)):
        raise TypeError(f"expected a number as the price, found {type(bid.price).__name__}")
    if not math.isfinite(bid.price):
        raise ValueError(f"a price that JSON does not know: {bid.price}")
    return bid.price
