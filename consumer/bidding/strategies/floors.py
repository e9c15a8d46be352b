"""The floor of an impression, in the currency that a strategy bids in."""

from __future__ import annotations

from consumer.bidding.decision import NoBid, NoBidReason
from consumer.bidding.request import BidRequest, Impression


def floor_in(currency: str, imp: Impression) -> float | None:
    """Return the floor, CPM; None where it cannot be told, or where only deals may bid.

    A floor in another currency cannot be told, since no exchange rate is known, unless it is 0.
    """
    if imp.deals_only or imp.floor is None:
        return None
    return imp.floor if imp.floor == 0 or imp.floor_currency == currency else None


def out_of_question(request: BidRequest, currency: str) -> NoBid | None:
    """Return why nothing can be bid on, None where something can.

    There is no impression, or the exchange takes other currencies only.
    """
    if not request.impressions:
        return NoBid(NoBidReason.INVALID_REQUEST)
    if request.currencies and currency not in request.currencies:
        return NoBid()
    return None
