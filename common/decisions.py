"""The decision record, as it lies on the topic of decisions: declared once.

The bidding logic writes it, the harness reads it, and docs/ describes it, all by this declaration.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

# Grows when a reader of today would misunderstand what is written; a new member alone is none.
VERSION: Literal[1] = 1


# No object here refers back to another: the collector need not look at them.
class Request(msgspec.Struct, frozen=True, gc=False):
    """The bid request, by its id and by the position of its record."""

    id: Annotated[str, Meta(description="The bid request's `id`.")]
    topic: Annotated[str, Meta(description="Topic that the request lies on.")]
    partition: Annotated[int, Meta(description="Its partition of that topic.", ge=0)]
    offset: Annotated[int, Meta(description="Its offset in that partition.", ge=0)]


class Bid(msgspec.Struct, frozen=True, gc=False):
    """An offer for one impression (OpenRTB 2.6 section 4.2.3)."""

    id: Annotated[str, Meta(description="Number of the offer in this response, from 1.")]
    impid: Annotated[str, Meta(description="`id` of the impression that it is for.")]
    price: Annotated[float, Meta(description="CPM in the currency `cur`.")]
    crid: Annotated[str, Meta(description="The creative's id.")]


class SeatBid(msgspec.Struct, frozen=True, gc=False):
    """The offers (section 4.2.2); this bidder has one seat, without a name."""

    bid: Annotated[tuple[Bid, ...], Meta(description="At least one offer.", min_length=1)]


class BidResponse(msgspec.Struct, frozen=True, gc=False):
    """The decision, as an OpenRTB 2.6 BidResponse (section 4.2.1): either offers or `nbr`."""

    id: Annotated[str, Meta(description="`id` of the bid request.")]
    seatbid: (
        Annotated[tuple[SeatBid, ...], Meta(description="One element: the offers.", min_length=1)]
        | UnsetType
    ) = UNSET
    cur: Annotated[str, Meta(description="ISO 4217 currency of the offers.")] | UnsetType = UNSET
    nbr: Annotated[int, Meta(description="No-bid reason.")] | UnsetType = UNSET

    @property
    def outcome(self) -> Literal["bid", "no_bid"]:
        """The decision in one word."""
        return "bid" if self.seatbid else "no_bid"


_EITHER = {"oneOf": [{"required": ["seatbid", "cur"]}, {"required": ["nbr"]}]}


class FirstSeen(msgspec.Struct, frozen=True, gc=False):
    """The first request with this id, where this one repeats it."""

    partition: Annotated[int, Meta(description="Its partition of the same topic.", ge=0)]
    offset: Annotated[int, Meta(description="Its offset in that partition.", ge=0)]


class DecisionValue(msgspec.Struct, frozen=True, gc=False):
    """The decision on one bid request, as the value of its record on the topic."""

    version: Annotated[
        Literal[1], Meta(description="Version of this format. Refuse one that you do not know.")
    ]
    request: Request
    strategy: Annotated[str, Meta(description="Name of the strategy that decided.")]
    decided_at: Annotated[int, Meta(description="When, in epoch milliseconds.")]
    response: Annotated[BidResponse, Meta(extra_json_schema=_EITHER)]
    duplicate_of: FirstSeen | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(DecisionValue)


def read(value: bytes | None) -> DecisionValue:
    """Read a record's value, whatever else it has; raise ValueError for what is no decision."""
    try:
        record = _DECODER.decode(value or b"")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    response = record.response
    is_bid, is_no_bid = UNSET not in (response.seatbid, response.cur), response.nbr is not UNSET
    if is_bid is is_no_bid:
        raise ValueError("expected either seatbid and cur or nbr - at `$.response`")
    return record
