"""A strategy that takes its time."""

from __future__ import annotations

import time

from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.request import BidRequest


class Slow:
    """Takes as many milliseconds as the request's id says after its dash."""

    name = "slow"

    def decide(self, request: BidRequest, /) -> Decision:
        _, _, milliseconds = request.id.partition("-")
        time.sleep(int(milliseconds) / 1000)
        return NoBid()
