"""The strategy that offers the same price for everything it may bid on."""

from __future__ import annotations

from consumer.bidding.decision import Bid, Bids, Decision, NoBid
from consumer.bidding.request import BidRequest, Impression
from consumer.bidding.strategies.floors import floor_in, out_of_question


class FixedPrice:
    """Bids `price` CPM on each impression whose floor it meets.

    Floors in another currency are not met, since no exchange rate is known; neither are floors
    that are no numbers. Impressions open to deals alone are left out, as are requests from
    exchanges that take other currencies only.
    """

    name = "fixed_price"

    def __init__(self, price: float, currency: str, creative_id: str) -> None:
        """Take the CPM, its ISO-4217 currency and the creative to show."""
        self._price = price
        self._currency = currency
        self._creative_id = creative_id

    def decide(self, request: BidRequest, /) -> Decision:
        """Return bids in the order of the impressions, or NoBid when none can be bid on."""
        if refusal := out_of_question(request, self._currency):
            return refusal
        bids = tuple(
            Bid(imp.id, self._price, self._creative_id)
            for imp in request.impressions
            if self._meets_floor(imp)
        )
        return Bids(bids, self._currency) if bids else NoBid()

    def _meets_floor(self, imp: Impression) -> bool:
        floor = floor_in(self._currency, imp)
        return floor is not None and self._price >= floor
