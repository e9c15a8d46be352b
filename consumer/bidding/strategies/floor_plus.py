"""The strategy that offers a little more than each floor, as long as its budget lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from consumer.bidding.decision import Bid, Bids, Decision, NoBid
from consumer.bidding.request import BidRequest
from consumer.bidding.strategies.floors import floor_in, out_of_question

_IMPRESSIONS_PER_PRICE = 1000  # a CPM is the price of a thousand
_DIGITS = 6
_AT_ONCE = 0.01  # of the budget: the first request of a period can be bid on


class PacedBudget:
    """Lets a budget be spent no faster than evenly over each period, and never more than once.

    What quiet hours leave over can be spent later in the same period. A clock that is set back
    brings no money back.
    """

    def __init__(self, budget: float, period_s: float, wall: Callable[[], float]) -> None:
        """Take the budget of a period, its seconds, and the time in epoch seconds."""
        self._budget = budget
        self._period_s = period_s
        self._wall = wall
        self._period = int(wall() // period_s)
        self._spent = 0.0

    def spend(self, amount: float) -> bool:
        """Take `amount` out of the budget, or return False when that is too much for now."""
        now = self._wall()
        period = int(now // self._period_s)
        if period > self._period:
            self._period, self._spent = period, 0.0
        elapsed = max(now / self._period_s - self._period, 0)
        if self._spent + amount > self._budget * min(elapsed + _AT_ONCE, 1):
            return False
        self._spent += amount
        return True


class FloorPlus:
    """Bids `margin` CPM over the floor on each impression that costs no more than `most`.

    Each bid is paid for when it is made, as if it won: nothing tells here which ones do. A request
    that is decided on again is paid for again. Where it does not bid is where `fixed_price` does
    not either.
    """

    name = "floor_plus"

    def __init__(
        self, margin: float, most: float, currency: str, creative_id: str, budget: PacedBudget
    ) -> None:
        """Take two CPMs, their ISO-4217 currency, the creative to show and what may be spent."""
        self._margin = margin
        self._most = most
        self._currency = currency
        self._creative_id = creative_id
        self._budget = budget

    def decide(self, request: BidRequest, /) -> Decision:
        """Return bids in the order of the impressions, or NoBid when none can be bid on."""
        if refusal := out_of_question(request, self._currency):
            return refusal
        bids = tuple(self._bids(request))
        return Bids(bids, self._currency) if bids else NoBid()

    def _bids(self, request: BidRequest) -> Iterator[Bid]:
        for imp in request.impressions:
            floor = floor_in(self._currency, imp)
            if floor is None:
                continue
            price = round(max(floor, 0) + self._margin, _DIGITS)
            if price <= self._most and self._budget.spend(price / _IMPRESSIONS_PER_PRICE):
                yield Bid(imp.id, price, self._creative_id)
