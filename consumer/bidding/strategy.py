"""The interface of bidding strategies."""

from __future__ import annotations

from typing import Protocol

from consumer.bidding.decision import Decision
from consumer.bidding.request import BidRequest


class Strategy(Protocol):
    """Decides on bid requests, one at a time, from one thread.

    A request can be put to a strategy more than once: after a crash or a rebalance it is read
    again. What a strategy raises sends the request to the dead letters, so a strategy must raise
    for requests that it can never decide on, and only for those.
    """

    @property
    def name(self) -> str:
        """The name in settings, decisions, logs and metrics."""

    def decide(self, request: BidRequest) -> Decision:
        """Return the decision; must not block, nor change `request`."""
