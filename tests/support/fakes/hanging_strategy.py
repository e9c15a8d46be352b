"""A strategy that never comes to a decision on some requests."""

from __future__ import annotations

import time

from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.request import BidRequest


class Hanging:
    """Hangs on requests whose id says so."""

    name = "hanging"

    def decide(self, request: BidRequest, /) -> Decision:
        while request.id.startswith("hang"):
            time.sleep(3600)
        return NoBid()
