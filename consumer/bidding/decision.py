"""The decisions that a strategy can return: bids, or none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class NoBidReason(IntEnum):
    """No-bid reason codes (OpenRTB 3.0 list, used by 2.6 `nbr`) that strategies give."""

    UNKNOWN = 0
    TECHNICAL_ERROR = 1
    INVALID_REQUEST = 2
    WEB_CRAWLER = 3
    NON_HUMAN = 4
    DATACENTER_IP = 5
    UNSUPPORTED_DEVICE = 6
    BLOCKED_PUBLISHER = 7
    UNMATCHED_USER = 8
    DAILY_USER_CAP = 9
    DAILY_DOMAIN_CAP = 10
    INSUFFICIENT_TIME = 15
    INCOMPLETE_SUPPLY_CHAIN = 16
    BLOCKED_SUPPLY_CHAIN_NODE = 17


@dataclass(frozen=True)
class Bid:
    """An offer for one impression; `price` is CPM in the currency of the whole decision."""

    impression_id: str
    price: float
    creative_id: str


@dataclass(frozen=True)
class Bids:
    """Offers, at least one, in one ISO-4217 currency."""

    bids: tuple[Bid, ...]
    currency: str = "USD"

    def __post_init__(self) -> None:
        """Raise ValueError when there is no offer: that is a NoBid.

        And TypeError where there might be any number: what is made while it is read is made outside
        of the strategy's time.
        """
        given: object = self.bids  # strategies are not always type-checked
        if not isinstance(given, tuple | list):
            message = f"expected a tuple of bids, found {type(given).__name__}"
            raise TypeError(message)
        if not self.bids:
            message = "Bids without a bid: decide NoBid instead"
            raise ValueError(message)


@dataclass(frozen=True)
class NoBid:
    """No offer, and why."""

    reason: NoBidReason = NoBidReason.UNKNOWN


Decision = Bids | NoBid
