"""The strategy that offers the same price for everything it may bid on."""

from __future__ import annotations

from consumer.decision import Bid, Bids, Decision, NoBid, NoBidReason
from consumer.request import BidRequest, Impression


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
        impressions = request.impressions
        if not impressions:
            return NoBid(NoBidReason.INVALID_REQUEST)
        if request.currencies and self._currency not in request.currencies:
            return NoBid()
        bids = tuple(
            Bid(imp.id, self._price, self._creative_id)
            for imp in impressions
            if not imp.deals_only and self._meets_floor(imp)
        )
        return Bids(bids, self._currency) if bids else NoBid()

    def _meets_floor(self, imp: Impression) -> bool:
        if imp.floor == 0:
            return True
        same_currency = imp.floor_currency == self._currency
        return imp.floor is not None and same_currency and self._price >= imp.floor
