"""The strategy that never bids."""

from __future__ import annotations

from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.request import BidRequest


class NoBidStrategy:
    """Declines every request without a reason."""

    name = "no_bid"

    def decide(self, _request: BidRequest, /) -> Decision:
        """Return NoBid."""
        return NoBid()
