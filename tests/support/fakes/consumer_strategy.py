"""A strategy that does what a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.request import BidRequest


def decline(_request: BidRequest) -> Decision:
    return NoBid()


@dataclass(frozen=True)
class FakeStrategy:
    """Decides by a function."""

    by: Callable[[BidRequest], Decision] = decline
    name: str = "fake"

    def decide(self, request: BidRequest, /) -> Decision:
        return self.by(request)
