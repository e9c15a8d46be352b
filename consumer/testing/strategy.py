"""The contract of a strategy, as a test suite."""

from __future__ import annotations

import copy
import math
import re
from abc import ABC, abstractmethod

from consumer.bidding.decision import Bids, Decision
from consumer.bidding.decision_record import build_decision_record
from consumer.bidding.request import BidRequest
from consumer.bidding.strategy import Strategy
from consumer.testing.samples import SampleRecord, requests


class StrategyContract(ABC):
    """Derive a class `Test...` from this and say how your strategy is made; pytest runs it."""

    @abstractmethod
    def make(self) -> Strategy:
        """Return a new strategy."""

    def test_its_name_can_be_a_label(self) -> None:
        """The name stands in decisions, logs and metrics."""
        name = self.make().name
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name), f"not a name: {name!r}"

    def test_it_decides_on_every_request(self) -> None:
        """Raising costs the request, and so does a decision that cannot be written."""
        strategy = self.make()
        for request in requests():
            decision = strategy.decide(request)
            made = build_decision_record(SampleRecord(0, b""), request, decision, strategy.name, 0)
            assert made.value, request.body

    def test_it_leaves_requests_as_they_are(self) -> None:
        """Whoever comes after it sees the request as it came."""
        strategy = self.make()
        for request in requests():
            before = copy.deepcopy(request.body)
            strategy.decide(request)
            assert request.body == before, f"changed: {before}"

    def test_its_bids_are_for_what_is_offered(self) -> None:
        """Each is for an impression of the request, and none for one that only deals may have."""
        for request, bids in self._bids():
            open_to_all = {imp.id for imp in request.impressions if not imp.deals_only}
            bid_on = {bid.impression_id for bid in bids.bids}
            assert bid_on <= open_to_all, f"bids on {bid_on - open_to_all} of {request.body}"

    def test_its_prices_are_prices(self) -> None:
        """Each is a number over 0 and not below the floor, where that is in the same currency."""
        for request, bids in self._bids():
            floors = {imp.id: imp for imp in request.impressions}
            for bid in bids.bids:
                assert 0 < bid.price < math.inf, f"{bid} on {request.body}"
                imp = floors[bid.impression_id]
                if imp.floor is not None and imp.floor_currency == bids.currency:
                    assert bid.price >= imp.floor, f"{bid} on {request.body}"

    def test_it_bids_in_a_currency_that_is_taken(self) -> None:
        """An exchange that names currencies takes no other."""
        for request, bids in self._bids():
            assert re.fullmatch("[A-Z]{3}", bids.currency), f"not ISO-4217: {bids.currency!r}"
            if request.currencies:
                assert bids.currency in request.currencies, f"{bids} on {request.body}"

    def _bids(self) -> list[tuple[BidRequest, Bids]]:
        strategy = self.make()
        both: list[tuple[BidRequest, Decision]] = [(r, strategy.decide(r)) for r in requests()]
        return [(request, made) for request, made in both if isinstance(made, Bids)]
