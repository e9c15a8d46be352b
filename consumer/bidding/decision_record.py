"""A decision together with the request it is about: what sinks are given."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from common import decisions
from common.decisions import FirstSeen
from consumer.bidding.decision import Bid, Bids, Decision, NoBid
from consumer.bidding.request import BidRequest
from consumer.kafka.record import Record, RecordHeaders, read_headers

_JSON = msgspec.json.Encoder()


# a Struct, because there is one for each record: it is made in a fraction of a dataclass's time
class DecisionRecord(msgspec.Struct, frozen=True, gc=False):
    """One decision; `decided_at_ms` is epoch milliseconds, `value` its JSON as UTF-8.

    `headers` is what the request's record carries beside its body; `traceparent` is the decision's
    own place in the trace of the request, None where that is the request's.
    """

    record: Record
    request: BidRequest
    decision: Decision
    strategy: str
    decided_at_ms: int
    value: bytes
    headers: RecordHeaders
    traceparent: str | None = None

    @property
    def outcome(self) -> Literal["bid", "no_bid"]:
        """The decision in one word."""
        return "bid" if isinstance(self.decision, Bids) else "no_bid"


def build_decision_record(  # noqa: PLR0913  the parts of a decision, of which the last is seldom there
    record: Record,
    request: BidRequest,
    decision: Decision,
    strategy: str,
    now_ms: int,
    *,
    first_seen: FirstSeen | None = None,
    traceparent: str | None = None,
    headers: RecordHeaders | None = None,
) -> DecisionRecord:
    """Put a decision into its final form; raise ValueError or TypeError where it has none.

    `first_seen` is where the same bid id had come before: the decision says of which it repeats.
    `headers` is what the record carries, where that is known already.
    """
    written = decisions.DecisionValue(
        decisions.VERSION,
        decisions.Request(request.id, record.topic, record.partition, record.offset),
        strategy,
        now_ms,
        bid_response(request.id, decision),
        msgspec.UNSET if first_seen is None else first_seen,
    )
    value = _JSON.encode(written)
    headers = read_headers(record) if headers is None else headers
    return DecisionRecord(record, request, decision, strategy, now_ms, value, headers, traceparent)


def bid_response(request_id: str, decision: Decision) -> decisions.BidResponse:
    """Return the decision as an OpenRTB 2.6 BidResponse (section 4.2.1)."""
    # a pattern with its names takes a tenth of a microsecond longer than this
    if isinstance(decision, NoBid):
        return decisions.BidResponse(request_id, nbr=int(decision.reason))
    if not isinstance(decision, Bids):  # strategies are not always type-checked
        raise TypeError(f"expected Bids or NoBid, found {type(decision).__name__}")
    offers = tuple([_bid(number, bid) for number, bid in enumerate(decision.bids, start=1)])
    seat = decisions.SeatBid(offers)
    return decisions.BidResponse(request_id, (seat,), _text("currency", decision.currency))


def _bid(number: int, bid: Bid) -> decisions.Bid:
    # numbered, not named after the request: a long id would be repeated for every impression
    return decisions.Bid(
        str(number),
        _text("impression id", bid.impression_id),
        _price(bid),
        _text("creative id", bid.creative_id),
    )


# The encoder writes what it is given, whatever the declaration says.
def _text(name: str, given: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"expected text as the {name}, found {type(given).__name__}")
    return given


def _price(bid: Bid) -> float:
    # it would write null for NaN, text for a Decimal, and true for True, which is an int to Python
    if isinstance(bid.price, bool) or not isinstance(bid.price, (int, float)):
        raise TypeError(f"expected a number as the price, found {type(bid.price).__name__}")
    if not math.isfinite(bid.price):
        raise ValueError(f"a price that JSON does not know: {bid.price}")
    return bid.price
